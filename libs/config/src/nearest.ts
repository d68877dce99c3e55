/** The candidate most like `word`, by Damerau-Levenshtein (optimal string alignment) distance; none if all are too far. */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  const short = word.slice(0, maxWordLength)
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(short.length / 3)) + 1
  for (const candidate of candidates) {
    const away = distance(short.toLowerCase(), candidate.toLowerCase())
    if (away < bestDistance) [best, bestDistance] = [candidate, away]
  }
  return best ?? (short.length > 2 ? candidates.find((candidate) => candidate.startsWith(short)) : undefined)
}

const maxWordLength = 64

const distance = (a: string, b: string): number => {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let least = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + cost)
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, at(beforePrevious, column - 2) + 1)
      current.push(least)
    }
    ;[beforePrevious, previous] = [previous, current]
  }
  return at(previous, b.length)
}

const at = (row: readonly number[], column: number): number => row[column] ?? Infinity

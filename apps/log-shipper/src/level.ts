/** The levels that a line may have; the first one is of a line that does not tell. */
export const levels = [undefined, 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

const words: Readonly<Record<string, number>> = {
  ...{ trace: 1, verbose: 1, debug: 2, info: 3, information: 3, informational: 3, notice: 3 },
  ...{ warn: 4, warning: 4, error: 5, err: 5, severe: 5 },
  ...{ fatal: 6, critical: 6, crit: 6, alert: 6, emerg: 6, emergency: 6, panic: 6 },
}

const name = Buffer.from('"level"')
const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\{}[]')
const jsonValue = /^\s*:\s*(?:"([a-z]{1,16})"|(\d{2})\s*[,}])/i
const jsonValueBytes = 64
/** Up to two words of a time may stand before the word: `2026-11-30 09:00:00,123 [ERROR] text`. */
const textWord = /^\s*(?:[[(<]?\d\S{0,40}\s+){0,2}[[(<]?([a-z]{3,13})(?=[\s\])>:|,-]|$)/i
const textWordBytes = 80

/** Answers the index in `levels` of the line from `start` to `end`. Lines are asked for in order. */
export type LevelFinder = (start: number, end: number, isJson: boolean) => number

/**
 * Finds the levels of lines: of a JSON object its member `level`, a word or the number of pino (10 = trace to 60 = fatal); of another line the
 * word at its beginning.
 */
export const levelFinder = (data: Buffer): LevelFinder => {
  /** The place of the next `"level"`. Lines without one are not searched again. */
  let next = -1

  const after = (from: number): number => {
    const found = data.indexOf(name, from)
    return found < 0 ? Infinity : found
  }

  const jsonLevel = (start: number, end: number): number => {
    if (next < start) next = after(start)
    while (next < end) {
      if (isMember(data, start, next)) {
        const from = next + name.length
        const [, word, number] =
          jsonValue.exec(data.toString('latin1', from, Math.min(end, from + jsonValueBytes))) ?? []
        const level = word === undefined ? pinoLevel(number) : levelOf(word)
        if (level > 0) return level
      }
      next = after(next + 1)
    }
    return 0
  }

  return (start, end, isJson) => {
    if (isJson) return jsonLevel(start, end)
    const [, word = ''] = textWord.exec(data.toString('latin1', start, Math.min(end, start + textWordBytes))) ?? []
    return levelOf(word)
  }
}

const levelOf = (word: string): number => {
  const lower = word.toLowerCase()
  return Object.hasOwn(words, lower) ? (words[lower] ?? 0) : 0
}

const pinoLevel = (number: string | undefined): number => {
  const level = Math.floor(Number(number ?? 0) / 10)
  return level < levels.length ? level : 0
}

/** Whether a text that begins at `at` is in the object that begins the line, and not in one within. */
const isMember = (data: Buffer, start: number, at: number): boolean => {
  let depth = 0
  for (let place = start; place < at; place++) {
    const byte = data[place]
    if (byte === quote) {
      for (place++; place < at && data[place] !== quote; place++) if (data[place] === backslash) place++
      if (place >= at) return false
    } else if (byte === openBrace || byte === openBracket) depth += 1
    else if (byte === closeBrace || byte === closeBracket) depth -= 1
  }
  return depth === 1
}

/** Bins of a tail, four an octave: magnitudes from 2^-8 to 2^12 of their unit, the ends open. */
const bins = 80
const binsPerOctave = 4
const leastOctave = -8

/** The share of the values that counts as the tail, whose slope goes on beyond the greatest value seen. */
const tailShare = 0.05
const leastTailValues = 8
const leastSlope = 0.5
const mostSlope = 8

/** What is kept when the memory is full, and from which count on a bin is empty. */
const keptShare = 0.9
const leastCount = 0.05

/** How rare magnitudes are, learnt from those before, for several statistics side by side. */
export interface Tails {
  /** The probability that a value of `tail` is at least `magnitude`. Above 0, at most 1. */
  probability(tail: number, magnitude: number): number
  /** The magnitude that a value reaches with this probability. */
  magnitude(tail: number, probability: number): number
  /** Learns a value that counts `weight`. Undefined: it lies on the other side of zero, so it only counts as one. */
  learn(tail: number, magnitude: number | undefined, weight: number): void
  /** Bytes of its arrays. */
  readonly bytes: number
}

/**
 * `count` tails in histograms with bins of equal width in the logarithm, as in DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable
 * quantile sketch with relative-error guarantees", VLDB 2019). Beyond the greatest value seen the tail goes on as a power law whose slope is
 * Hill's estimate ("A simple general approach to inference about the tail of a distribution", Annals of Statistics, 1975).
 * Below it, the rank among n values gives (above + 1) / (n + 1), as in conformal prediction (Vovk, Gammerman, Shafer: "Algorithmic learning in a
 * random world", 2005). When a tail holds `memoryValues`, all its counts fade by a tenth.
 */
export const createTails = (count: number, memoryValues: number): Tails => {
  const counts = new Float32Array(count * bins)
  const totals = new Float64Array(count)
  /** The highest bin that is not empty, of each tail; -1 while all are. */
  const tops = new Int16Array(count).fill(-1)

  const binOf = (magnitude: number): number => {
    const place = (Math.log2(magnitude) - leastOctave) * binsPerOctave
    return place > 0 ? Math.min(place, bins - 1) : 0
  }

  /** Hill's estimate, as the exponent of a bin. */
  const slope = (tail: number): number => {
    const wanted = Math.max(leastTailValues, (totals[tail] ?? 0) * tailShare)
    let mass = 0
    let moment = 0
    let bin = tops[tail] ?? -1
    for (; bin >= 0 && mass < wanted; bin -= 1) {
      const held = counts[tail * bins + bin] ?? 0
      mass += held
      moment += held * (bin + 0.5)
    }
    const meanExcess = ((moment / mass - (bin + 1)) / binsPerOctave) * Math.LN2
    return Math.min(mostSlope, Math.max(leastSlope, 1 / meanExcess)) / binsPerOctave
  }

  const fade = (tail: number) => {
    totals[tail] = (totals[tail] ?? 0) * keptShare
    let top = -1
    for (let bin = 0; bin <= (tops[tail] ?? -1); bin += 1) {
      const held = (counts[tail * bins + bin] ?? 0) * keptShare
      counts[tail * bins + bin] = held < leastCount ? 0 : held
      if (held >= leastCount) top = bin
    }
    tops[tail] = top
  }

  return {
    probability: (tail, magnitude) => {
      const place = binOf(magnitude)
      const bin = Math.floor(place)
      const top = tops[tail] ?? -1
      let above = (counts[tail * bins + bin] ?? 0) * (1 - (place - bin))
      for (let next = bin + 1; next <= top; next += 1) above += counts[tail * bins + next] ?? 0
      const beyond = place - top - 1
      const share = beyond > 0 && top >= 0 ? 2 ** (-slope(tail) * beyond) : 1
      return Math.min(1, (above + share) / ((totals[tail] ?? 0) + 1))
    },
    magnitude: (tail, probability) => {
      const wanted = probability * ((totals[tail] ?? 0) + 1)
      const top = tops[tail] ?? -1
      if (top < 0) return 0
      let place = top + 1
      if (wanted < 1) place += -Math.log2(wanted) / slope(tail)
      else
        for (let above = 1; place > 0 && above < wanted; place -= 1) {
          const held = counts[tail * bins + place - 1] ?? 0
          if (above + held >= wanted) {
            place -= (wanted - above) / held
            break
          }
          above += held
        }
      return 2 ** (place / binsPerOctave + leastOctave)
    },
    learn: (tail, magnitude, weight) => {
      totals[tail] = (totals[tail] ?? 0) + weight
      if (magnitude !== undefined) {
        const bin = Math.floor(binOf(magnitude))
        counts[tail * bins + bin] = (counts[tail * bins + bin] ?? 0) + weight
        if (bin > (tops[tail] ?? -1)) tops[tail] = bin
      }
      if ((totals[tail] ?? 0) > memoryValues) fade(tail)
    },
    bytes: counts.byteLength + totals.byteLength + tops.byteLength,
  }
}

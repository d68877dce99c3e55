/** What the line of least squares through some points needs, whatever their number. Times count in seconds from `startMs`. */
export interface Moments {
  readonly startMs: number
  count: number
  sumT: number
  sumTT: number
  sumV: number
  sumTV: number
  firstMs: number
  lastMs: number
}

/** A straight line through values over time. */
export interface Line {
  /** From the first value to the last. */
  readonly spanMs: number
  /** A second. */
  readonly slope: number
  /** The value of the line at a time. */
  at(timeMs: number): number
}

/** No point yet. */
export const createMoments = (startMs: number): Moments => ({
  startMs,
  count: 0,
  sumT: 0,
  sumTT: 0,
  sumV: 0,
  sumTV: 0,
  firstMs: Infinity,
  lastMs: -Infinity,
})

/** Adds a value. */
export const addPoint = (moments: Moments, atMs: number, value: number): void => {
  const t = (atMs - moments.startMs) / 1000
  moments.count += 1
  moments.sumT += t
  moments.sumTT += t * t
  moments.sumV += value
  moments.sumTV += t * value
  moments.firstMs = Math.min(moments.firstMs, atMs)
  moments.lastMs = Math.max(moments.lastMs, atMs)
}

/** The line of least squares through all points of all parts; undefined with fewer than two moments. */
export const lineThrough = (parts: readonly Moments[]): Line | undefined => {
  const held = parts.filter(({ count }) => count > 0)
  if (held.length === 0) return undefined
  const originMs = Math.min(...held.map(({ startMs }) => startMs))
  const all = held.reduce((sum, part) => addMoments(sum, part), createMoments(originMs))
  const { count, sumT, sumTT, sumV, sumTV, firstMs, lastMs } = all
  const meanT = sumT / count
  const meanV = sumV / count
  // Not firstMs === lastMs alone: the spread of times that nearly agree may be lost to rounding.
  const spread = sumTT - sumT * meanT
  if (firstMs === lastMs || spread <= 0) return undefined
  const slope = (sumTV - sumT * meanV) / spread
  return {
    spanMs: lastMs - firstMs,
    slope,
    at: (timeMs) => meanV + slope * ((timeMs - originMs) / 1000 - meanT),
  }
}

/** Moves the part's times to the start of the sum, and adds it. */
const addMoments = (sum: Moments, part: Moments): Moments => {
  const shift = (part.startMs - sum.startMs) / 1000
  return {
    startMs: sum.startMs,
    count: sum.count + part.count,
    sumT: sum.sumT + part.sumT + part.count * shift,
    sumTT: sum.sumTT + part.sumTT + 2 * shift * part.sumT + part.count * shift * shift,
    sumV: sum.sumV + part.sumV,
    sumTV: sum.sumTV + part.sumTV + shift * part.sumV,
    firstMs: Math.min(sum.firstMs, part.firstMs),
    lastMs: Math.max(sum.lastMs, part.lastMs),
  }
}

export interface DetectorOptions {
  /** How far from the median, in the metric's own unit, a value must lie to be anomalous, however calm the series is. */
  readonly minDeviation: number
  /** How many robust standard deviations from the median it must lie as well. */
  readonly score: number
  readonly direction: 'up' | 'down' | 'both'
  /** Values that are only learnt before the first verdict. */
  readonly warmUpSamples: number
  /** Values remembered: the memory, and how soon a new level is taken for normal (after half of them). */
  readonly ringSamples: number
}

export interface Verdict {
  readonly anomalous: boolean
  /** Undefined during the warm-up. */
  readonly median?: number
  /** The nearest value that would have been anomalous. */
  readonly threshold?: number
}

/** Judges values one by one, each against those before it, then learns it. */
export type Detector = (value: number) => Verdict

/** The standard deviation of a normal distribution is this many median absolute deviations. */
const deviationsPerMad = 1.4826

/**
 * A streaming detector by the modified z-score: distance from the median in units of the median absolute deviation (MAD),
 * Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993, here over a ring of the latest values. Median and MAD stand
 * up to anything less than half of the ring being wild, so an outlier cannot hide the next one, and every value may be learnt:
 * a level that lasts becomes the normal one. Latencies have heavier tails than the normal distribution which the score is
 * made for; that is what `minDeviation` is for, which also decides alone where the MAD is 0.
 * Time: O(ring) a value, with a sort only for the values beyond `minDeviation`. Memory: 16 bytes a remembered value.
 */
export const createDetector = ({
  minDeviation,
  score,
  direction,
  warmUpSamples,
  ringSamples,
}: DetectorOptions): Detector => {
  const arrivals = new Float64Array(ringSamples)
  const sorted = new Float64Array(ringSamples)
  let size = 0
  let next = 0

  /** The first place in `sorted` that holds no less than `value`. */
  const placeOf = (value: number): number => {
    let low = 0
    let high = size
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sorted[middle] ?? 0) < value) low = middle + 1
      else high = middle
    }
    return low
  }

  const learn = (value: number) => {
    if (size === ringSamples) {
      const oldest = placeOf(arrivals[next] ?? 0)
      sorted.copyWithin(oldest, oldest + 1, size)
      size -= 1
    }
    const place = placeOf(value)
    sorted.copyWithin(place + 1, place, size)
    sorted[place] = value
    arrivals[next] = value
    next = (next + 1) % ringSamples
    size += 1
  }

  const judge = (value: number): Verdict => {
    if (size < warmUpSamples) return { anomalous: false }
    const median = medianOf(sorted, size)
    const distance = value - median
    const wrongWay = (direction === 'up' && distance < 0) || (direction === 'down' && distance > 0)
    if (wrongWay || Math.abs(distance) < minDeviation)
      return { anomalous: false, median, threshold: median + Math.sign(distance || 1) * minDeviation }
    const distances = sorted
      .subarray(0, size)
      .map((each) => Math.abs(each - median))
      .sort()
    const limit = Math.max(minDeviation, score * deviationsPerMad * medianOf(distances, size))
    return { anomalous: Math.abs(distance) >= limit, median, threshold: median + Math.sign(distance) * limit }
  }

  return (value) => {
    const verdict = judge(value)
    learn(value)
    return verdict
  }
}

const medianOf = (sorted: Float64Array, size: number): number => {
  const middle = size >>> 1
  const upper = sorted[middle] ?? 0
  return size % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

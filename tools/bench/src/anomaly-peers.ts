/** How surprising the next value of a series is: the higher, the more. What it counts in is its own. */
export type Surprise = (atMs: number, value: number) => number

const gaussianWindow = 6_400

/**
 * NAB's baseline: the distance from the mean of the last 6,400 values in standard deviations (Ahmad, Lavin, Purdy, Agha: "Unsupervised real-time
 * anomaly detection for streaming data", Neurocomputing, 2017).
 */
export const windowedGaussian = (): Surprise => {
  const window = new Float64Array(gaussianWindow)
  let size = 0
  let next = 0
  let sum = 0
  let squares = 0
  return (_atMs, value) => {
    const mean = sum / size
    const deviation = Math.sqrt(Math.max(0, squares / size - mean * mean))
    const surprise = size < 2 ? 0 : Math.abs(value - mean) / Math.max(deviation, Number.EPSILON)
    if (size === gaussianWindow) {
      const oldest = window[next] ?? 0
      sum -= oldest
      squares -= oldest * oldest
    } else size += 1
    window[next] = value
    next = (next + 1) % gaussianWindow
    sum += value
    squares += value * value
    return surprise
  }
}

const medianWindow = 256

/** The distance from the median of the last 256 values in median absolute deviations. */
export const movingMedian = (): Surprise => {
  const window = new Float64Array(medianWindow)
  let size = 0
  const medianOf = (values: Float64Array) => values.sort()[values.length >>> 1] ?? 0
  return (_atMs, value) => {
    const held = window.slice(0, Math.min(size, medianWindow))
    const median = medianOf(held)
    const deviation = medianOf(held.map((each) => Math.abs(each - median)))
    window[size % medianWindow] = value
    size += 1
    return held.length < 64 ? 0 : Math.abs(value - median) / Math.max(deviation, Number.EPSILON)
  }
}

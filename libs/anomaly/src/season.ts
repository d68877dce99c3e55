/** A bin follows its first values as they are. */
const unclippedValues = 2
const mostCount = 255

/** What a series does at each time of a period, such as a day. */
export interface Season {
  /** Goes to the bin of this time. The other members speak of it. */
  seek(atMs: number): void
  /** How many values the bin has learnt, up to 255. */
  count(): number
  /** The mean of its values. 0 while it has none. */
  mean(): number
  /** Learns a value, which moves the mean as if it lay at most `clip` away. */
  learn(value: number, clip: number): void
  /** Bytes of its arrays. */
  readonly bytes: number
}

/** A mean of the last `memoryValues` or so for each of `bins` equal parts of `periodMs`, counted from 1970 in UTC. */
export const createSeason = (periodMs: number, bins: number, memoryValues: number): Season => {
  const means = new Float32Array(bins)
  const counts = new Uint8Array(bins)
  let bin = 0
  return {
    seek: (atMs) => {
      const phase = atMs % periodMs
      bin = Math.floor(((phase < 0 ? phase + periodMs : phase) / periodMs) * bins)
      if (bin >= bins) bin = bins - 1
    },
    count: () => counts[bin] ?? 0,
    mean: () => means[bin] ?? 0,
    learn: (value, clip) => {
      const count = counts[bin] ?? 0
      const mean = means[bin] ?? 0
      const gain = Math.max(1 / (count + 1), 1 / memoryValues)
      means[bin] = mean + gain * (count < unclippedValues ? value - mean : within(value - mean, clip))
      if (count < mostCount) counts[bin] = count + 1
    },
    bytes: means.byteLength + counts.byteLength,
  }
}

/** The value, or the nearer of -limit and limit. */
export const within = (value: number, limit: number): number =>
  value > limit ? limit : value < -limit ? -limit : value

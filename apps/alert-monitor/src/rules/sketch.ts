import type { Room } from './room.ts'

/** Quantiles within 1 % of the exact value, relative to it. */
export const relativeAccuracy = 0.01

const gamma = (1 + relativeAccuracy) / (1 - relativeAccuracy)
const logGamma = Math.log(gamma)
/** Magnitudes below this count as zero. */
const smallest = 1e-9
const offset = Math.ceil(-Math.log(smallest) / logGamma) + 1

/** Weights of values by logarithmic bin. Bins sort as their values do. At most 2 x 2,765 bins for magnitudes up to 1e15. */
export type Bins = Map<number, number>

/**
 * The bin of a value, of a DDSketch: Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with
 * relative-error guarantees", VLDB 2019. Negative values mirror positive ones.
 */
const binOf = (value: number): number => {
  const magnitude = Math.abs(value)
  if (magnitude < smallest) return 0
  return Math.sign(value) * (Math.ceil(Math.log(magnitude) / logGamma) + offset)
}

const valueOf = (bin: number): number =>
  bin === 0 ? 0 : Math.sign(bin) * ((2 * gamma ** (Math.abs(bin) - offset)) / (gamma + 1))

/** Counts a finite value. False = it wants a new bin, for which there is no room. */
export const addToBins = (bins: Bins, value: number, weight: number, room: Pick<Room, 'take'>): boolean => {
  const bin = binOf(value)
  const held = bins.get(bin)
  if (held === undefined && !room.take()) return false
  bins.set(bin, (held ?? 0) + weight)
  return true
}

/** The `q` quantile (0 to 1) of all bins together; undefined when they are empty. */
export const quantileOf = (parts: Iterable<Bins>, q: number): number | undefined => {
  const merged: Bins = new Map()
  let total = 0
  for (const bins of parts) {
    for (const [bin, weight] of bins) {
      merged.set(bin, (merged.get(bin) ?? 0) + weight)
      total += weight
    }
  }
  const sorted = [...merged].sort(([a], [b]) => a - b)
  const rank = q * total
  let seen = 0
  for (const [bin, weight] of sorted) {
    seen += weight
    if (seen >= rank) return valueOf(bin)
  }
  const last = sorted.at(-1)
  return last === undefined ? undefined : valueOf(last[0])
}

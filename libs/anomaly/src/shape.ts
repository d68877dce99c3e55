import { createCentres } from './centres.ts'

/** The kinds of hours that are told apart. */
const kinds = 24
/** The last hours are means of the deviation over so many values, fading exponentially; the slow ones count double. */
const horizons = [1, 4, 16, 64]
const weights = [1, 1, 2, 2]

/** The last hours as a whole. */
export interface Shape {
  /** Takes a deviation, and gives how far the last hours lie from all kinds of hours seen before. Those of `isKept` are learnt. */
  distance(deviation: number, isKept: boolean): number
  /** Forgets the last hours, not the kinds. */
  forget(): void
  readonly bytes: number
}

/** Compares means over four horizons with those seen before, as centres cover them. */
export const createShape = (): Shape => {
  const centres = createCentres(kinds, horizons.length)
  const means = new Float64Array(horizons.length)
  return {
    distance: (deviation, isKept) => {
      for (let each = 0; each < horizons.length; each += 1) {
        const mean = means[each] ?? 0
        means[each] = mean + (deviation - mean) / (horizons[each] ?? 1)
        centres.point[each] = (means[each] ?? 0) * (weights[each] ?? 1)
      }
      if (!isKept) return 0
      const distance = centres.distance()
      centres.learn(distance)
      return distance
    },
    forget: () => void means.fill(0),
    bytes: centres.bytes + means.byteLength,
  }
}

/** By how much the radius grows at a time when the centres are full. */
const growth = 1.3
const leastRadius = 1e-6

/** The kinds of situation seen so far. */
export interface Centres {
  /** How far the point lies from the nearest centre. 0 while there is none. */
  distance(): number
  /** Learns the point, which lies `distance` from the nearest centre, unless that is infinite. */
  learn(distance: number): void
  /** The point, to be written by the caller before each call. */
  readonly point: Float64Array
  readonly bytes: number
}

/**
 * Covers all points seen by at most `most` balls of one radius: the doubling algorithm for streaming k-centre (Charikar, Chekuri, Feder, Motwani:
 * "Incremental clustering and dynamic information retrieval", STOC 1997), with a growth of 1.3. A point outside all balls is a new kind, as in fuzzy
 * adaptive resonance (Carpenter, Grossberg, Rosen: "Fuzzy ART", Neural Networks, 1991), on which NAB's detector ARTime builds.
 */
export const createCentres = (most: number, dimensions: number): Centres => {
  const centres = new Float32Array(most * dimensions)
  const point = new Float64Array(dimensions)
  let size = 0
  let radius = 0

  const square = (one: number, other: number): number => {
    let sum = 0
    for (let axis = 0; axis < dimensions; axis += 1) {
      const gap = (centres[one * dimensions + axis] ?? 0) - (centres[other * dimensions + axis] ?? 0)
      sum += gap * gap
    }
    return sum
  }

  const leastGap = (): number => {
    let least = Infinity
    for (let one = 0; one < size; one += 1)
      for (let other = one + 1; other < size; other += 1) least = Math.min(least, square(one, other))
    return Math.sqrt(least)
  }

  /** Keeps the centres that lie outside the balls of those kept before. */
  const merge = () => {
    let kept = 0
    for (let one = 0; one < size; one += 1) {
      let covered = false
      for (let other = 0; other < kept && !covered; other += 1) covered = square(one, other) <= radius * radius
      if (covered) continue
      centres.copyWithin(kept * dimensions, one * dimensions, (one + 1) * dimensions)
      kept += 1
    }
    size = kept
  }

  return {
    point,
    distance: () => {
      if (size === 0) return 0
      let least = Infinity
      for (let start = 0; start < size * dimensions; start += dimensions) {
        let sum = 0
        for (let axis = 0; axis < dimensions; axis += 1) {
          const gap = (point[axis] ?? 0) - (centres[start + axis] ?? 0)
          sum += gap * gap
        }
        if (sum < least) least = sum
      }
      return Math.sqrt(least)
    },
    learn: (distance) => {
      if (size > 0 && (distance <= radius || distance === Infinity)) return
      if (size === most && radius <= leastRadius) radius = Math.max(leastRadius, leastGap())
      while (size === most) {
        radius *= growth
        merge()
      }
      centres.set(point, size * dimensions)
      size += 1
    },
    bytes: centres.byteLength + point.byteLength,
  }
}

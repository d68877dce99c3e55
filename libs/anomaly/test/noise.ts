import { seededRandom } from '@armature/async/random'

/** Gives a value each time it is called. */
export type Source = () => number

/** Normal deviates (Box and Muller, 1958), the same for the same seed. */
export const normalSource = (seed: number): Source => {
  const { next } = seededRandom(seed)
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

/** Noise of many kinds, by name. */
export const noises: Readonly<Record<string, (seed: number) => Source>> = {
  normal: normalSource,
  'with a memory': (seed) => {
    const normal = normalSource(seed)
    let last = 0
    return () => (last = 0.6 * last + normal())
  },
  'with heavy tails': (seed) => {
    const { next } = seededRandom(seed)
    return () => Math.log(1 - next()) * (next() < 0.5 ? 1 : -1)
  },
  skewed: (seed) => {
    const normal = normalSource(seed)
    return () => Math.exp(normal() / 2)
  },
}

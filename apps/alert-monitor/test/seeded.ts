import { seededRandom } from '@armature/async/random'

/** Numbers in [0, 1), the same for the same seed. */
export const randomSource = (seed: number): (() => number) => seededRandom(seed).next

/** A normal deviate (Box and Muller, 1958). */
export const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

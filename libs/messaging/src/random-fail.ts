import { numberOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { seededRandom } from '@armature/async/random'

export interface RandomFailOptions {
  /** From 0 to 1. */
  readonly rate: number
  /** Default 1. */
  readonly seed?: number
  /** `before` (default): the handler is not called. `after`: it was, so that its effects are there and the acknowledgement is not. */
  readonly when?: 'before' | 'after'
  /** Makes the error to reject with. Default: an Error. */
  readonly error?: () => unknown
}

/** For tests: rejects some of the deliveries. The same seed rejects the same ones of a sequence. */
export const randomFail = (options: RandomFailOptions): Middleware => {
  const { when = 'before', error = () => new Error(`injected failure ${when} the handler`) } = options
  const rate = numberOption('rate', options.rate, 0, 1)
  const random = seededRandom(options.seed ?? 1)
  return (next) => async (delivery) => {
    const fails = random.next() < rate
    if (fails && when === 'before') throw error()
    await next(delivery)
    if (fails) throw error()
  }
}

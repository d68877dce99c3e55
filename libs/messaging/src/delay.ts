import { systemClock, type Clock } from '@armature/async/clock'
import { jitterMs } from '@armature/async/jitter'
import { numberOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { seededRandom } from '@armature/async/random'
import { wait } from '@armature/async/wait'

export interface DelayOptions {
  /** Default 0. */
  readonly minMs?: number
  readonly maxMs: number
  /** Default 1. */
  readonly seed?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** For tests: each delivery waits a random time before it is handled. The same seed gives the same times of a sequence. */
export const delay = (options: DelayOptions): Middleware => {
  const { clock = systemClock() } = options
  const minMs = numberOption('minMs', options.minMs ?? 0, 0)
  const maxMs = numberOption('maxMs', options.maxMs, minMs)
  const random = seededRandom(options.seed ?? 1)
  return (next) => async (delivery) => {
    await wait(clock, jitterMs(minMs, maxMs, random.next), delivery.signal)
    await next(delivery)
  }
}

import { systemClock, type Clock } from '@armature/async/clock'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'
import { wait } from '@armature/async/wait'

export interface ThrottleOptions {
  /** Calls of the handler a second, on average. */
  readonly perSecond: number
  /** Calls that may come at once after a rest. Default 1. */
  readonly burst?: number
  /** Deliveries that wait; more are rejected with RedeliverError. Default 10,000. */
  readonly maxWaiting?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/**
 * Calls the handler at most `perSecond` times a second (token bucket), in order of arrival. A delivery that waits stays unsettled, so
 * that the broker holds back the rest; it is rejected when its signal is aborted. Throws RangeError for options out of range.
 */
export const throttle = (options: ThrottleOptions): Middleware => {
  const { clock = systemClock() } = options
  const intervalMs = 1_000 / numberOption('perSecond', options.perSecond, Number.MIN_VALUE)
  const burst = wholeOption('burst', options.burst ?? 1, 1)
  const maxWaiting = wholeOption('maxWaiting', options.maxWaiting ?? 10_000, 0)
  /** When the bucket was or will be full, which says how many tokens it holds or owes (the generic cell rate algorithm). */
  let fullAtMs = -Infinity
  let waiting = 0

  return (next) => async (delivery) => {
    const nowMs = clock.now()
    // No more is owed than to those that wait, also where the clock was set back.
    fullAtMs = Math.min(Math.max(fullAtMs, nowMs), nowMs + (waiting + burst) * intervalMs)
    const delayMs = Math.ceil(fullAtMs - (burst - 1) * intervalMs - nowMs)
    if (delayMs > 0 && waiting >= maxWaiting) {
      throw new RedeliverError('throttled', `${waiting} deliveries wait for their turn already`)
    }
    fullAtMs += intervalMs
    if (delayMs > 0) {
      waiting++
      try {
        await wait(clock, delayMs, delivery.signal)
      } finally {
        waiting--
      }
    }
    await next(delivery)
  }
}

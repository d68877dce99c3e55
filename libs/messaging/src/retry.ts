import { backoffMs } from '@armature/async/backoff'
import { systemClock, type Clock } from '@armature/async/clock'
import { noteFailure, withNotes } from './delivery-notes.ts'
import { UnrecoverableError } from './errors.ts'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'
import { wait } from '@armature/async/wait'

export interface RetryOptions {
  /** Calls of the handler, the first one included. Default 5. */
  readonly maxAttempts?: number
  /** How many of the attempts after the first follow at once. Default 1. */
  readonly immediateAttempts?: number
  /** The upper end of the first wait; each next one's is twice as long. Default 100. */
  readonly firstDelayMs?: number
  /** The longest upper end of a wait. Default 10,000. */
  readonly maxDelayMs?: number
  /** No attempt begins later than this after the first. Default 60,000. */
  readonly maxTotalMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
}

/**
 * Calls the handler again when it rejects: at once first, then after waits with full jitter, each anywhere from 0 to its upper end
 * (`backoffMs` of libs/async). Rejects with the last error when attempts or time
 * are used up, when the delivery's signal is aborted, or at once for an UnrecoverableError or RedeliverError. Throws RangeError
 * for options out of range.
 */
export const retry = (options: RetryOptions = {}): Middleware => {
  const { clock = systemClock(), random = Math.random } = options
  const maxAttempts = wholeOption('maxAttempts', options.maxAttempts ?? 5, 1)
  const immediateAttempts = wholeOption('immediateAttempts', options.immediateAttempts ?? 1, 0)
  const firstDelayMs = numberOption('firstDelayMs', options.firstDelayMs ?? 100, 0)
  const maxDelayMs = numberOption('maxDelayMs', options.maxDelayMs ?? 10_000, 0)
  const maxTotalMs = numberOption('maxTotalMs', options.maxTotalMs ?? 60_000, 0)

  const delayAfter = (attempt: number): number =>
    attempt <= immediateAttempts ? 0 : backoffMs(firstDelayMs, maxDelayMs, attempt - immediateAttempts, random)

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const { signal } = delivery
    const startedMs = clock.now()
    for (let attempt = 1; ; attempt++) {
      notes.settlement = undefined
      try {
        return await next(noted)
      } catch (error) {
        noteFailure(notes, clock.now())
        if (error instanceof UnrecoverableError || error instanceof RedeliverError) throw error
        if (attempt >= maxAttempts || signal.aborted) throw error
        const delayMs = delayAfter(attempt)
        if (clock.now() - startedMs + delayMs > maxTotalMs) throw error
        if (delayMs > 0) await wait(clock, delayMs, signal).catch(() => Promise.reject(error))
      }
    }
  }
}

import { jitterMs } from './jitter.ts'

/**
 * How long to wait before the next attempt, in whole milliseconds: a random time from 0 up to `firstDelayMs`, a limit that doubles with each
 * attempt and ends at `maxDelayMs`. `attempt` is the number of attempts that failed in a row, from 1. `random` returns numbers from 0 to below
 * 1. Callers that failed together do not come back together: this is "full jitter" of M. Brooker, "Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015 (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export const backoffMs = (firstDelayMs: number, maxDelayMs: number, attempt: number, random?: () => number): number =>
  jitterMs(0, Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, maxDoublings)), random)

/** A larger power would be infinite in the end, and infinity times 0 is not a number. */
const maxDoublings = 50

const firstReconnectDelayMs = 50
const maxReconnectDelayMs = 5_000

/** `backoffMs` of a connection to a broker: 50 ms at most at first, 5 s at most in the end. */
export const reconnectDelayMs = (attempt: number, random?: () => number): number =>
  backoffMs(firstReconnectDelayMs, maxReconnectDelayMs, attempt, random)

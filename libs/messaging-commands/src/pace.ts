import type { Clock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'

/** Resolves when `count` more may go; at once where the signal is aborted. */
export type Pace = (count: number, signal: AbortSignal) => Promise<void>

/** At most `perSecond` a second on average, the first ones at once. Undefined: no limit. */
export const createPace = (perSecond: number | undefined, clock: Clock): Pace => {
  let nextAtMs = -Infinity
  return async (count, signal) => {
    if (perSecond === undefined) return
    const nowMs = clock.now()
    const startMs = Math.max(nextAtMs, nowMs)
    nextAtMs = startMs + (count * 1_000) / perSecond
    if (startMs > nowMs) await wait(clock, startMs - nowMs, signal).catch(() => undefined)
  }
}

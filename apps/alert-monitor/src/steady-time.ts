import type { Clock } from '@armature/async/clock'

/** The longest step of the clock that is believed; the evaluation reads the clock more often than that. */
export const maxStepMs = 5_000

/**
 * Milliseconds since the call, by a clock that may be corrected while it runs: it never goes back, and one reading is never more than
 * `maxStepMs` after the reading before it. So a clock set an hour forward ages a window by 5 s at most, one set back not at
 * all, and a process that was stopped does not take its own silence for that of its inputs.
 */
export const steadyTime = (clock: Clock): (() => number) => {
  let elapsedMs = 0
  let lastMs = clock.now()
  return () => {
    const nowMs = clock.now()
    elapsedMs += Math.min(maxStepMs, Math.max(0, nowMs - lastMs))
    lastMs = nowMs
    return elapsedMs
  }
}

import { expect, test } from 'vitest'
import { steadyTime } from './steady-time.ts'

const hourMs = 3_600_000

const clockAt = (startMs: number) => {
  const clock = { nowMs: startMs, now: () => clock.nowMs, after: () => () => undefined }
  return clock
}

test.each([
  ['runs on', [1_000, 1_000, 500], 2_500],
  ['is set back an hour', [1_000, -hourMs, 1_000], 2_000],
  ['is set forward an hour', [1_000, hourMs, 1_000], 7_000],
  ['freezes', [1_000, 0, 0, 1_000], 2_000],
])('a clock that %s', (_, steps, elapsedMs) => {
  const clock = clockAt(1_700_000_000_000)
  const steady = steadyTime(clock)
  for (const step of steps) {
    clock.nowMs += step
    steady()
  }
  expect(steady()).toBe(elapsedMs)
})

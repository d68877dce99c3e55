import { describe, expect, test } from 'vitest'
import { backoffMs, reconnectDelayMs } from './backoff.ts'
import { seededRandom } from './random.ts'

const attempts = [1, 2, 3, 4, 5, 6]

describe('backoffMs', () => {
  test('its upper end doubles with each attempt, up to the largest delay', () => {
    expect(attempts.map((attempt) => backoffMs(100, 1_000, attempt, () => 1))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ])
  })

  test('jitter is full: a delay is anywhere from 0 to the upper end', () => {
    expect(backoffMs(100, 1_000, 3, () => 0)).toBe(0)
    expect(backoffMs(100, 1_000, 3, () => 0.25)).toBe(100)
    const { next } = seededRandom(7)
    const delays = Array.from({ length: 1_000 }, () => backoffMs(100, 1_000, 3, next))
    expect(delays.every((delayMs) => delayMs >= 0 && delayMs <= 400)).toBe(true)
    expect(delays.filter((delayMs) => delayMs < 200).length).toBeGreaterThan(400)
    expect(delays.filter((delayMs) => delayMs > 200).length).toBeGreaterThan(400)
  })

  test('it is whole milliseconds', () => {
    expect(backoffMs(100, 1_000, 1, () => 0.001)).toBe(1)
  })

  test.each([1_025, 1e6, Number.MAX_SAFE_INTEGER])('it stays a number after %d attempts', (attempt) => {
    expect(backoffMs(100, 1_000, attempt, () => 1)).toBe(1_000)
    expect(backoffMs(0, 1_000, attempt, () => 1)).toBe(0)
  })

  test('a first delay above the largest one is cut to it', () => {
    expect(backoffMs(5_000, 1_000, 1, () => 1)).toBe(1_000)
  })
})

test('attempts to connect again are spread, and never more than 5 s apart', () => {
  const longest = (attempt: number) => reconnectDelayMs(attempt, () => 0.999_999)
  expect([1, 2, 3, 4].map(longest)).toEqual([50, 100, 200, 400])
  expect([8, 100, 10_000].map(longest)).toEqual([5_000, 5_000, 5_000])
  expect(reconnectDelayMs(8, () => 0)).toBe(0)
})

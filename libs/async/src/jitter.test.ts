import { expect, test } from 'vitest'
import { jitterMs } from './jitter.ts'
import { seededRandom } from './random.ts'

test('is anywhere between the two', () => {
  expect([0, 0.25, 0.999_999].map((part) => jitterMs(100, 200, () => part))).toEqual([100, 125, 200])
  const { next } = seededRandom(7)
  const times = Array.from({ length: 1_000 }, () => jitterMs(100, 200, next))
  expect(times.every((timeMs) => timeMs >= 100 && timeMs <= 200)).toBe(true)
  expect(new Set(times).size).toBeGreaterThan(90)
})

test('is whole milliseconds', () => {
  expect(jitterMs(0.5, 0.9, () => 0.5)).toBe(1)
})

test('is the time itself where the two are one', () => {
  expect(jitterMs(0, 0)).toBe(0)
  expect(jitterMs(100, 100)).toBe(100)
})

test('differs from call to call', () => {
  expect(new Set(Array.from({ length: 10 }, () => jitterMs(0, 1e9))).size).toBeGreaterThan(1)
})

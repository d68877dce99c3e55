import { expect, test } from 'vitest'
import { createSeason } from './season.ts'

const hourMs = 3_600_000

test('a bin has the mean of its time of day, whenever the period begins', () => {
  const day = createSeason(24 * hourMs, 24, 10)
  for (const start of [-48, 0, 24, 48])
    for (let hour = 0; hour < 24; hour += 1) {
      day.seek((start + hour) * hourMs)
      day.learn(hour, 100)
    }
  for (const at of [-3, 21, 24 * 400 + 21]) {
    day.seek(at * hourMs)
    expect(day.mean()).toBeCloseTo(21, 5)
  }
})

test('a bin that saw nothing knows nothing', () => {
  const day = createSeason(24 * hourMs, 24, 10)
  expect([day.count(), day.mean()]).toEqual([0, 0])
  day.learn(5, 1)
  expect([day.count(), day.mean()]).toEqual([1, 5])
})

test('an outlier moves a bin as one that lies at the clip, a lasting change moves it all the way', () => {
  const day = createSeason(24 * hourMs, 24, 10)
  for (let value = 0; value < 50; value += 1) day.learn(10, 1)
  day.learn(1_000, 1)
  expect(day.mean()).toBeLessThan(10.2)
  for (let value = 0; value < 200; value += 1) day.learn(15, 1)
  expect(day.mean()).toBeCloseTo(15, 2)
})

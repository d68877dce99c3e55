import { expect, test } from 'vitest'
import { durationMsOf, perSecondOf, sinceOf } from './duration.ts'

test.each([
  ['0ms', 0],
  ['250ms', 250],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
])('%s is a duration of %d ms', (text, ms) => expect(durationMsOf(text)).toBe(ms))

test.each(['', '5', 's', '-1s', '1 s', '1e3s', '1w', '9999999999s', 'Infinitys'])('%j is no duration', (text) =>
  expect(durationMsOf(text)).toBeUndefined(),
)

test.each([
  ['100/s', 100],
  ['100', 100],
  ['30/m', 0.5],
  ['3600/h', 1],
  ['0.5/s', 0.5],
])('%s is a rate of %d a second', (text, rate) => expect(perSecondOf(text)).toBeCloseTo(rate))

test.each(['', '0', '0/s', '-1/s', '1/d', '1/ms', '/s', 'x'])('%j is no rate', (text) =>
  expect(perSecondOf(text)).toBeUndefined(),
)

test('a time is given as such or by how long ago it was', () => {
  const nowMs = Date.UTC(2026, 0, 2)
  expect(sinceOf('1d', nowMs)).toEqual(new Date('2026-01-01T00:00:00Z'))
  expect(sinceOf('2025-12-31T10:00:00Z', nowMs)).toEqual(new Date('2025-12-31T10:00:00Z'))
  expect(sinceOf('2025-12-31', nowMs)).toEqual(new Date('2025-12-31T00:00:00Z'))
  for (const text of ['', 'yesterday', '5', '2025-13-01T00:00:00Z']) expect(sinceOf(text, nowMs)).toBeUndefined()
})

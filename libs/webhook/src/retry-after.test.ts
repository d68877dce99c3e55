import { expect, test } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

const nowMs = Date.UTC(2026, 0, 1, 12, 0, 0)

test.each([
  ['120', 120_000],
  [' 1 ', 1_000],
  ['0', 0],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
])('%j asks for %d ms', (header, ms) => {
  expect(retryAfterMs(header, nowMs)).toBe(ms)
})

test.each([[null], [''], ['soon'], ['-1'], ['1.5'], ['2026-01-01T12:00:30Z'], ['99999999999'], ['Mon, nonsense']])(
  '%j asks for nothing',
  (header) => {
    expect(retryAfterMs(header, nowMs)).toBeUndefined()
  },
)

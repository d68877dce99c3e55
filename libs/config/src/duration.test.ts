import { expect, test } from 'vitest'
import { duration, durationText, parseDuration } from './duration.ts'

test.each([
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['2d', 172_800_000],
  ['500ms', 500],
  ['1m1ms', 60_001],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '30', 's', '-5m', '5 m', '1.5h', '30m1h', '5m5m', '5M', '1h 30m', 'ms', `${'1'.repeat(40)}s`])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)

test.each([0, 1, 999, 1_000, 90_000, 3_600_000, 90_061_001])('%d ms reads back as it was written', (ms) => {
  expect(parseDuration(durationText(ms))).toBe(ms)
})

test('a setting has a range, whose ends belong to it', () => {
  const schema = duration({ min: 1_000, max: 60_000 })
  expect(['1s', '60s', '1m'].map((text) => schema.parse(text))).toEqual([1_000, 60_000, 60_000])
  const problems = ['999ms', '61s', '30m1h', 'soon'].map(
    (text) => schema.safeParse(text).error?.issues.map(({ message }) => message)[0],
  )
  expect(problems).toEqual([
    'is not from 1s to 1m',
    'is not from 1s to 1m',
    'is no duration: write the longest unit first, as in 1h30m',
    'is no duration: write 30s, 5m or 1h30m',
  ])
})

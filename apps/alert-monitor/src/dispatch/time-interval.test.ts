import { expect, test } from 'vitest'
import { inInterval, timeInterval } from './time-interval.ts'

const at = (text: string) => Date.parse(text)

test.each<[string, Record<string, unknown>, string, boolean]>([
  ['a time of a day', { times: [{ start_time: '09:00', end_time: '17:00' }] }, '2026-01-05T09:00:00Z', true],
  ['the end of it', { times: [{ start_time: '09:00', end_time: '17:00' }] }, '2026-01-05T17:00:00Z', false],
  ['midnight', { times: [{ start_time: '00:00', end_time: '24:00' }] }, '2026-01-05T00:00:00Z', true],
  ['a weekday', { weekdays: ['monday:friday'] }, '2026-01-05T09:00:00Z', true],
  ['another weekday', { weekdays: ['monday:friday'] }, '2026-01-04T09:00:00Z', false],
  ['the last day of a month', { days_of_month: ['-1'] }, '2028-02-29T09:00:00Z', true],
  ['the last but one', { days_of_month: [-1] }, '2028-02-28T09:00:00Z', false],
  ['days from both ends', { days_of_month: ['10:-2'] }, '2026-01-30T09:00:00Z', true],
  ['a month by its name', { months: ['january:march'] }, '2026-03-01T09:00:00Z', true],
  ['a month by its number', { months: ['1:3'] }, '2026-04-01T09:00:00Z', false],
  ['a year', { years: ['2026:2027'] }, '2028-04-01T09:00:00Z', false],
  [
    'a place: summer there',
    { times: [{ start_time: '11:00', end_time: '12:00' }], location: 'Europe/Berlin' },
    '2026-07-01T09:30:00Z',
    true,
  ],
  [
    'a place: winter there',
    { times: [{ start_time: '11:00', end_time: '12:00' }], location: 'Europe/Berlin' },
    '2026-01-01T09:30:00Z',
    false,
  ],
])('%s', (_what, written, time, expected) => {
  expect(inInterval(timeInterval.parse(written), at(time))).toBe(expected)
})

test.each<Record<string, unknown>>([
  { times: [{ start_time: '17:00', end_time: '09:00' }] },
  { times: [{ start_time: '9:00', end_time: '10:00' }] },
  { times: [{ start_time: '24:01', end_time: '25:00' }] },
  { weekdays: ['mon'] },
  { days_of_month: ['0'] },
  { days_of_month: ['5:1'] },
  { months: ['13'] },
  { years: ['2026:2025'] },
  { location: 'Mars' },
  { weekday: ['monday'] },
])('%j is no interval', (written) => {
  expect(timeInterval.safeParse(written).success).toBe(false)
})

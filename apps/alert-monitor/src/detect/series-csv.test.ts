import { expect, test } from 'vitest'
import { parseStamp, seriesHeader, seriesRow } from './series-csv.ts'

const valentine = Date.UTC(2014, 1, 14, 14, 30)

test.each([
  '2014-02-14 14:30:00',
  '2014-02-14 14:30',
  '2014-02-14T14:30:00Z',
  '2014-02-14T14:30:00.000Z',
  '2014-02-14T15:30:00+01:00',
  '2014-02-14T09:00:00-0530',
  '2014-02-14 16:30:00 +02',
  '1392388200',
  '1392388200000',
  '1392388200.0',
  '1.3923882e9',
])('the stamp %s', (text) => {
  expect(parseStamp(text)).toBe(valentine)
})

test('fractions of a second, and a day without a time', () => {
  expect(parseStamp('2014-02-14 14:30:00.25')).toBe(valentine + 250)
  expect(parseStamp('2014-02-14')).toBe(Date.UTC(2014, 1, 14))
  expect(parseStamp('2016-02-29')).toBe(Date.UTC(2016, 1, 29))
})

test.each([
  '',
  'now',
  '2014-02-30',
  '2014-13-01',
  '2014-02-14 24:00:01',
  '2014-02-14 14:60',
  '14/02/2014',
  'NaN',
  'Infinity',
  '9e15',
])('the stamp %j is refused', (text) => {
  expect(parseStamp(text)).toBeUndefined()
})

test('the columns may come in any order, among others, behind a mark of the byte order', () => {
  expect(seriesHeader('timestamp,value')).toEqual({ timestamp: 0, value: 1 })
  expect(seriesHeader('\uFEFF"Value",host, Timestamp')).toEqual({ timestamp: 2, value: 0 })
  expect(seriesHeader('time,value')).toBeUndefined()
  expect(seriesHeader('2014-02-14 14:30:00,1')).toBeUndefined()
  expect(seriesHeader('timestamp,value,value')).toBeUndefined()
})

const header = { timestamp: 0, value: 1 }

test.each([
  ['1', 1],
  ['-2.5e3', -2500],
  ['.5', 0.5],
  ['+7.', 7],
])('the value %s', (text, number) => {
  expect(seriesRow(`2014-02-14 14:30:00,${text}`, header)).toEqual({
    timestamp: '2014-02-14 14:30:00',
    value: text,
    atMs: valentine,
    number,
  })
})

test.each(['', 'NaN', 'nan', 'Infinity', '-inf', '1e999', '0x10', '1 2', 'twelve', '1_000'])(
  'the value %j is refused',
  (text) => {
    expect(seriesRow(`2014-02-14 14:30:00,${text}`, header)).toEqual({
      timestamp: '2014-02-14 14:30:00',
      value: text,
      problem: `the value ${JSON.stringify(text)} is not a finite number: write digits, such as 12.5`,
    })
  },
)

test('a row without a value, and a long cell, are named shortly', () => {
  expect(seriesRow('2014-02-14 14:30:00', header)).toMatchObject({
    problem: expect.stringContaining('the value ""') as string,
  })
  const { problem } = seriesRow(`${'9'.repeat(5_000)}x,1`, header) as { problem: string }
  expect(problem.length).toBeLessThan(200)
})

import { describe, expect, test } from 'vitest'
import { readCsv } from './csv-history.ts'
import { createHistory } from './history.ts'
import { parseTime, parseTimestamp } from './time.ts'

async function* linesOf(text: string) {
  for (const line of text.split('\n')) yield Promise.resolve(line)
}
const read = (text: string, metric?: string) => readCsv(linesOf(text), { metric, type: 'gauge' })
const pointsOf = async (text: string, metric?: string) =>
  [...(await read(text, metric)).history.samples()].map(({ atMs, sample: { name, value, tags } }) => [
    atMs,
    name,
    value,
    tags,
  ])

describe('a file', () => {
  test('with a value a row, in any order of columns; times are put in order', async () => {
    const text = 'value,timestamp\n2,1700000060\n1,1700000000\n3,1700000120000\n'
    expect(await pointsOf(text, 'cpu')).toEqual([
      [1_700_000_000_000, 'cpu', 1, {}],
      [1_700_000_060_000, 'cpu', 2, {}],
      [1_700_000_120_000, 'cpu', 3, {}],
    ])
    expect((await read(text, 'cpu')).history).toMatchObject({ size: 3, stepMs: 60_000, firstMs: 1_700_000_000_000 })
  })

  test('with metrics, tags and quotes', async () => {
    const text = 'timestamp,metric,value,host,note\n1700000000,cpu,1,a,"x, ""y"""\n1700000000,mem,2,,\n'
    expect(await pointsOf(text)).toEqual([
      [1_700_000_000_000, 'cpu', 1, { host: 'a', note: 'x, "y"' }],
      [1_700_000_000_000, 'mem', 2, {}],
    ])
  })

  test('of rows that hold no point: each is counted, the first are told', async () => {
    const rows = [
      '1700000000,Infinity',
      '1700000000,0x10',
      'NaN,1',
      '1700000000',
      '2026-13-01,1',
      '',
      '"1700000000,1',
      '1700000000,1',
    ]
    const { history, refused, refusedCount } = await read(['\uFEFFtimestamp,value', ...rows].join('\n'), 'cpu')
    expect(history.size).toBe(1)
    expect(refusedCount).toBe(6)
    expect(refused[0]).toBe("line 2: 'Infinity' is no value")
  })

  test.each([
    ['', 'cpu', 'is empty'],
    ['time,value\n', 'cpu', 'must have timestamp and value'],
    ['timestamp,value\n', undefined, '--metric'],
  ])('%j of %s is refused', async (text, metric, why) => {
    await expect(read(text, metric)).rejects.toThrow(why)
  })
})

test('more points than a backtest holds are refused', () => {
  const history = createHistory(2)
  const series = { name: 'a', tags: {}, type: 'gauge' as const }
  history.add(series, 1, 1)
  history.add(series, 1, 1)
  expect(() => history.add(series, 1, 1)).toThrow('more than 2 points: choose a shorter time by --from and --to')
})

test.each([
  ['2026-03-01T12:00:00Z', Date.UTC(2026, 2, 1, 12)],
  ['2026-03-01 12:00:00', Date.UTC(2026, 2, 1, 12)],
  ['2026-03-01T12:00:00.250+01:00', Date.UTC(2026, 2, 1, 11, 0, 0, 250)],
  ['2026-03-01', Date.UTC(2026, 2, 1)],
  ['1772366400', 1_772_366_400_000],
  ['1772366400.5', 1_772_366_400_500],
  ['1772366400250', 1_772_366_400_250],
  ['March 1', undefined],
  ['2026-02-30T25:00:00Z', undefined],
  ['', undefined],
  ['-24h', undefined],
])('%s is %d', (text, timeMs) => {
  expect(parseTimestamp(text)).toBe(timeMs)
})

test('a time may be so long ago, or now', () => {
  expect(parseTime('-1h30m', 10_000_000)).toBe(4_600_000)
  expect(parseTime('now', 5)).toBe(5)
  expect(parseTime('-soon', 5)).toBeUndefined()
})

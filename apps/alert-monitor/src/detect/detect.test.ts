import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { normal, randomSource } from '../../test/seeded.ts'
import { detect } from './detect.ts'

const run = async (input: string) => {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const { signal } = new AbortController()
  const [code, out, errors] = await Promise.all([
    detect({ stdin: Readable.from([Buffer.from(input)]), stdout, stderr, signal }).finally(() => {
      stdout.end()
      stderr.end()
    }),
    text(stdout),
    text(stderr),
  ])
  return { code, rows: out.trimEnd().split('\n'), errors }
}

const columns = 'timestamp,value,anomaly_score,expected,low,high'

/** A level of 100 with noise, a value a minute. */
const quiet = (count: number, seed = 1): string[] => {
  const random = randomSource(seed)
  return Array.from({ length: count }, (_, row) => `${1_700_000_000 + 60 * row},${100 + normal(random)}`)
}

test('a row comes out for each row, with its cells as they were', async () => {
  const rows = quiet(50)
  const { code, rows: out, errors } = await run(['timestamp,value', ...rows, ''].join('\r\n'))
  expect(out[0]).toBe(columns)
  expect(out.slice(1).map((row) => row.split(',').slice(0, 2).join(','))).toEqual(rows)
  for (const row of out.slice(1)) expect(row).toMatch(/^\d+,[\d.]+,[\d.e-]+(,-?[\d.]+){3}$/)
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
})

test('an outlier has the highest score, and its row says what was expected', async () => {
  const { rows } = await run(['timestamp,value', ...quiet(1_000), `${1_700_060_000},140`].join('\n'))
  const judged = rows.slice(1).map((row) => row.split(',').map(Number))
  const [, , score = 0, expected = 0, low = 0, high = 0] = judged.at(-1) ?? []
  expect(score).toBeGreaterThan(0.999)
  expect(score).toBe(Math.max(...judged.map(([, , each = 0]) => each)))
  expect(expected).toBeGreaterThan(95)
  expect(expected).toBeLessThan(105)
  expect(low).toBeLessThan(expected)
  expect(high).toBeGreaterThan(expected)
  expect(high).toBeLessThan(140)
})

test('a row comes out before the input ends', async () => {
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const stopping = new AbortController()
  const done = detect({ stdin, stdout, stderr: new PassThrough(), signal: stopping.signal })
  stdin.write('timestamp,value\n1700000000,5\n')
  const seen: string[] = []
  stdout.on('data', (chunk: Buffer) => seen.push(chunk.toString()))
  await expect.poll(() => seen.join(''), { timeout: 10_000 }).toContain('1700000000,5,')
  stopping.abort()
  expect(await done).toBe(0)
})

test('rows that cannot be read are named with their line, keep their place, and make the exit code 65', async () => {
  const bad = ['yesterday,1', '1700000000,NaN', '1700000060,-Infinity', '1700000120,many', '1700000180']
  const { code, rows, errors } = await run(['timestamp,value', ...quiet(30), ...bad, ...quiet(30)].join('\n'))
  expect(code).toBe(65)
  expect(rows).toHaveLength(66)
  expect(rows.slice(31, 36)).toEqual([
    'yesterday,1,,,,',
    '1700000000,NaN,,,,',
    '1700000060,-Infinity,,,,',
    '1700000120,many,,,,',
    '1700000180,,,,,',
  ])
  expect(errors).toContain('line 32: the timestamp "yesterday" is not a time: write 2014-02-14 14:30:00 (UTC)')
  expect(errors).toContain('line 33: the value "NaN" is not a finite number: write digits')
  expect(errors).toContain('5 row(s) could not be read')
})

test('of many bad rows the first are named, and all are counted', async () => {
  const { errors } = await run(['timestamp,value', ...Array.from({ length: 1_000 }, () => 'x,1')].join('\n'))
  expect(errors.trimEnd().split('\n')).toHaveLength(21)
  expect(errors).toContain('1000 row(s) could not be read')
})

test('stamps that repeat or go back are judged in the order of the rows, and counted', async () => {
  const rows = [...quiet(200), '1700000000,100', '1700000000,100', '9000000000,100', ...quiet(200, 2)]
  const { code, rows: out, errors } = await run(['timestamp,value', ...rows].join('\n'))
  expect(code).toBe(0)
  expect(errors).toBe('3 row(s) have a stamp that is not later than the row before: judged in the order of the rows\n')
  expect(out).toHaveLength(rows.length + 1)
  for (const row of out.slice(1)) for (const cell of row.split(',')) expect(Number.isFinite(Number(cell))).toBe(true)
})

test.each([
  ['', 'the input is empty'],
  ['2014-02-14 14:30:00,5\n', 'line 1 is "2014-02-14 14:30:00,5": begin with the header timestamp,value'],
])('the input %j is refused', async (input, error) => {
  const { code, errors } = await run(input)
  expect(code).toBe(65)
  expect(errors).toContain(error)
})

test('a header alone is an empty series', async () => {
  expect(await run('timestamp,value\n')).toEqual({ code: 0, rows: [columns], errors: '' })
})

import { expect, test } from 'vitest'
import { eachHeader } from './fetched.ts'
import { encodeHeaders } from './headers.ts'

const decoded = (data: Buffer): [string, Buffer][] => {
  const seen: [string, Buffer][] = []
  const record = { offset: 0, timestamp: 0, key: null, value: null, headers: { data, at: 0 } }
  const end = eachHeader(record, (name, start, end, from) => seen.push([name, from.subarray(start, end)]))
  expect(end).toBe(data.length)
  return seen
}

test.each([
  ['none', {}],
  ['text, bytes and nothing', { a: 'x', b: Buffer.from([0xff, 0]), empty: '', none: Buffer.of() }],
  ['texts of more bytes than characters', { 'ž€😀': 'ř€😀', 'half\ud800': 'half\ud800' }],
  ['more than is written at first', { long: 'x'.repeat(100_000), wide: '€'.repeat(20_000), bytes: Buffer.alloc(300) }],
  [
    'as many as a length of two bytes counts',
    Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`n${n}`, 'v'])),
  ],
] as [string, Record<string, string | Buffer>][])('%s', (_, headers) => {
  const { data, count, contentBytes } = encodeHeaders(headers)
  const expected = Object.entries(headers).map(([name, value]): [string, Buffer] => [
    Buffer.from(name).toString(),
    Buffer.from(value),
  ])
  expect(decoded(data)).toEqual(expected)
  expect(count).toBe(expected.length)
  expect(contentBytes).toBe(expected.reduce((sum, [name, { length }]) => sum + Buffer.byteLength(name) + length, 0))
})

test('headers that were encoded stay what they are when others are', () => {
  const first = encodeHeaders({ a: 'first' }).data
  encodeHeaders({ a: 'other' })
  expect(decoded(first)).toEqual([['a', Buffer.from('first')]])
})

test('headers named after what all objects have', () => {
  const headers = Object.assign(Object.create(null) as Record<string, string>, { constructor: 'c' })
  Object.defineProperty(headers, '__proto__', { value: 'p', enumerable: true })
  expect(decoded(encodeHeaders(headers).data)).toEqual([
    ['constructor', Buffer.from('c')],
    ['__proto__', Buffer.from('p')],
  ])
})

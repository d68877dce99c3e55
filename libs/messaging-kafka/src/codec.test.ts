import { expect, test } from 'vitest'
import { PublishError } from '@armature/messaging/errors'
import { eachHeader, type FetchedRecord } from './fetched.ts'
import { fetchedRecord } from '../test/records.ts'
import { messageIn, recordOf, recordOverheadBytes } from './codec.ts'
import { message } from '@armature/messaging/message'

const received = (headers: readonly [string, Buffer | null][], value: Buffer | null = null): FetchedRecord =>
  fetchedRecord({ key: Buffer.from('k'), value, headers })
const asSent = (headers: Readonly<Record<string, string>>) => {
  const record = recordOf(message('t', 'body', { id: 'i', headers }), '/s', 5, 't')
  const sent: FetchedRecord = { ...received([], record.value), headers: { data: record.headers, at: 0 } }
  const bytes = new Map<string, Buffer>()
  eachHeader(sent, (name, start, end, data) => bytes.set(name, data.subarray(start, end)))
  return { bytes, back: messageIn(sent, 't', 3).message }
}

test('numbers of the dead-letter envelope are big-endian on the wire, and text again when they come', () => {
  const headers = {
    'kafka_dlt-original-partition': '7',
    'kafka_dlt-original-offset': '4611686018427387904',
    'kafka_dlt-original-timestamp': '1709210096789',
    'kafka_dlt-original-topic': 'orders',
  }
  const { bytes, back } = asSent(headers)
  expect(bytes.get('kafka_dlt-original-partition')).toEqual(Buffer.from([0, 0, 0, 7]))
  expect(bytes.get('kafka_dlt-original-offset')).toEqual(Buffer.from('4000000000000000', 'hex'))
  expect(bytes.get('kafka_dlt-original-timestamp')?.readBigInt64BE()).toBe(1709210096789n)
  expect(back.headers).toMatchObject(headers)
})

test.each(['', 'x', '1.5', '2147483648', '-2147483649'])('a value that is no partition, %j, stays text', (text) => {
  const { bytes, back } = asSent({ 'kafka_dlt-original-partition': text })
  expect(bytes.get('kafka_dlt-original-partition')).toEqual(Buffer.from(text))
  expect(back.headers['kafka_dlt-original-partition']).toBe(text)
})

test('text of another writer is taken as text', () => {
  const { headers } = messageIn(received([['kafka_dlt-original-offset', Buffer.from('12345678')]]), 't', 0).message
  expect(headers['kafka_dlt-original-offset']).toBe('12345678')
})

test('a record of another program: the last of equal headers, null as nothing, names that are special', () => {
  const { message: got, undecodable } = messageIn(
    received([
      ['a', Buffer.from('1')],
      ['a', Buffer.from('2')],
      ['none', null],
      ['__proto__', Buffer.from('p')],
      ['long', Buffer.alloc(300, 'x')],
    ]),
    'tópic',
    3,
  )
  expect(undecodable).toBeUndefined()
  expect(got).toMatchObject({ id: 'tópic+3+7', key: 'k', time: new Date(1_000), topic: 'tópic' })
  expect(Object.entries(got.headers)).toEqual([
    ['a', '2'],
    ['none', ''],
    ['__proto__', 'p'],
    ['long', 'x'.repeat(300)],
  ])
  expect(got.body).toHaveLength(0)
})

test('the body is a copy, so that a small message does not keep a large answer', () => {
  const all = Buffer.alloc(1_000_000)
  const { message: got } = messageIn(received([], all.subarray(10, 20)), 't', 0)
  expect(got.body).toHaveLength(10)
  expect(got.body.buffer.byteLength).toBeLessThan(100_000)
})

test('key and headers may take as much as is left beside the largest body, and no more', () => {
  const sized = (length: number) =>
    recordOf(message('t', '', { id: 'i', headers: { big: 'x'.repeat(length) } }), '/s', 0, 't')
  const overhead = sized(0).bytes
  expect(sized(recordOverheadBytes - overhead).bytes).toBe(recordOverheadBytes)
  const over = () => sized(recordOverheadBytes - overhead + 1)
  expect(over).toThrow(PublishError)
  expect(over).toThrow(expect.objectContaining({ fault: 'too-large' }))
})

test('what cannot be encoded is refused as a bad message', () => {
  const bad = () => recordOf(message('t', '', { headers: { Upper: 'x' } }), '/s', 0, 't')
  expect(bad).toThrow(expect.objectContaining({ fault: 'bad-message' }))
})

test('headers are read as they were written', () => {
  const pairs: [string, Buffer | null][] = [
    ['ž', Buffer.from('ř')],
    ['', Buffer.of()],
    ['null', null],
  ]
  const seen: [string, string | null][] = []
  eachHeader(received(pairs), (name, start, end, data) => {
    seen.push([name, start < 0 ? null : data.toString('utf8', start, end)])
  })
  expect(seen).toEqual([
    ['ž', 'ř'],
    ['', ''],
    ['null', null],
  ])
})

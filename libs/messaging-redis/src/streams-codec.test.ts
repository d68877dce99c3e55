import { describe, expect, test } from 'vitest'
import { message } from '@armature/messaging/message'
import { carriedHeaders } from '@armature/messaging/raw-headers'
import { decodeEntry, encodeEntry, idBefore, isBefore, positionOf, startAfter, storedAt } from './streams-codec.ts'

const id = '1700000000123-5'
const buffers = (fields: readonly (string | Buffer)[]) => fields.map((field) => Buffer.from(field))

describe('entries', () => {
  test('have a field an attribute, a field a header, and the body', () => {
    const time = new Date('2024-02-29T12:34:56.789Z')
    const sent = message('t', 'hello', {
      id: 'one',
      key: 'k',
      time,
      headers: { 'content-type': 'text/plain', 'x-shop': 'n' },
    })
    const fields = encodeEntry(sent, '/shop').map(String)
    const named = Object.fromEntries(
      Array.from({ length: fields.length / 2 }, (_, at) => fields.slice(2 * at, 2 * at + 2)),
    )
    expect(named).toEqual({
      ce_specversion: '1.0',
      ce_id: 'one',
      ce_source: '/shop',
      ce_type: 't',
      ce_time: '2024-02-29T12:34:56.789Z',
      ce_partitionkey: 'k',
      'content-type': 'text/plain',
      'x-shop': 'n',
      body: 'hello',
    })
  })

  test('come back as they were, headers named like the body too', () => {
    const headers = { body: 'no body', 'header:body': 'neither', 'header:x': 'y', 'x-empty': '' }
    const sent = message('t', Buffer.from([0, 255, 10]), { headers })
    const { message: received, undecodable } = decodeEntry('t', id, buffers(encodeEntry(sent, '/shop')))
    expect(undecodable).toBeUndefined()
    expect(received).toMatchObject({ id: sent.id, headers, time: sent.time })
    expect([...received.body]).toEqual([0, 255, 10])
  })

  test('of one shape after another do not get mixed up', () => {
    const first = decodeEntry('t', id, buffers(['a', '1', 'body', 'x']))
    const second = decodeEntry('t', id, buffers(['b', '2', 'body', 'y']))
    const third = decodeEntry('t', id, buffers(['a', '3', 'c', '4', 'body', 'z']))
    expect([first, second, third].map((each) => each.message.headers)).toEqual([
      { a: '1' },
      { b: '2' },
      { a: '3', c: '4' },
    ])
  })

  test('of others keep their fields, and their id is where they lie', () => {
    const { message: received } = decodeEntry('shop.orders', id, buffers(['customer', '7']))
    expect(received).toMatchObject({ id: `shop.orders+0+${id}`, headers: { customer: '7' }, time: storedAt(id) })
    expect(received.body).toHaveLength(0)
  })

  test('that only look like events are undecodable and keep what they hold', () => {
    const { message: received, undecodable } = decodeEntry('t', id, buffers(['ce_specversion', '1.0', 'body', 'x']))
    expect(undecodable).toMatchObject({ reason: 'undecodable' })
    expect(Buffer.from(received.body).toString()).toBe('x')
  })
})

describe('positions', () => {
  test('are one number for an id, in its order', () => {
    const ids = ['1700000000123-5', '1700000000123-6', '1700000000124-0', '4398046511103-2047']
    const offsets = ids.map((each) => positionOf(each)?.offset ?? 0)
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b))
    expect(offsets.every(Number.isSafeInteger)).toBe(true)
    expect(startAfter({ offset: offsets[1] ?? 0 })).toBe('1700000000123-5')
  })

  test.each(['1700000000123-2048', '4398046511104-0', '18446744073709551615-0'])(
    'are none where no number says it: %s',
    (each) => {
      expect(positionOf(each)).toBeUndefined()
    },
  )
})

describe('starts', () => {
  test.each([
    ['latest', '$'],
    ['earliest', '0-0'],
    [{ offset: 0 }, '0-0'],
    [{ time: new Date(1_700_000_000_000) }, '1699999999999-18446744073709551615'],
  ] as const)('%j', (from, expected) => {
    expect(startAfter(from)).toBe(expected)
  })

  test('idBefore and isBefore agree', () => {
    for (const each of ['5-1', '5-0', '1-0', '1700000000123-18446744073709551615']) {
      expect(isBefore(idBefore(each), each)).toBe(true)
      expect(isBefore(each, idBefore(each))).toBe(false)
    }
    expect(idBefore('0-0')).toBe('0-0')
  })
})

test('bug: a letter of an entry with fields `subject` and `ce_subject` that are no text could not be read', () => {
  const bytes = Buffer.of(0xff)
  const fields = [Buffer.from('subject'), bytes, Buffer.from('ce_subject'), bytes]
  const { message: came } = decodeEntry('t', id, fields)
  const sent = { ...came, headers: carriedHeaders(came.headers) }
  const letter = decodeEntry('t', id, buffers(encodeEntry(sent, '/shop')))
  expect(letter.undecodable).toBeUndefined()
})

import { expect, test } from 'vitest'
import { encodeStructured } from './cloud-events-json.ts'
import { encodeBinary, UndecodableError, type HeaderValue } from './cloud-events.ts'
import { decodeReceived } from './decode-received.ts'
import { message } from '@armature/messaging/message'

const receivedAt = new Date('2026-01-02T03:04:05Z')
const sent = message('orders', '{"a":1}', {
  id: '7',
  key: 'k',
  headers: { 'content-type': 'application/json', source: '/shop', type: 'order', 'x-own': 'y' },
})

const receive = (headers: Readonly<Record<string, HeaderValue>>, body: Uint8Array) =>
  decodeReceived({ headers, body, topic: 'orders', receivedAt, fallbackId: 'orders+0+5' }, 'kafka')

test('a CloudEvent in binary mode is the message that was sent', () => {
  const { headers, body } = encodeBinary(sent, { style: 'kafka', source: '/s' })
  expect(receive(headers, body)).toEqual({ message: sent })
})

test('a CloudEvent in structured mode is the message that was sent', () => {
  const { headers, body } = encodeStructured(sent, { source: '/s' })
  expect(receive(headers, body)).toEqual({ message: sent })
})

test('what is no CloudEvent is taken as it is', () => {
  const body = Buffer.from([0, 255])
  expect(receive({ 'X-Own': 'y', count: 3, at: receivedAt }, body)).toEqual({
    message: {
      id: 'orders+0+5',
      topic: 'orders',
      key: undefined,
      time: receivedAt,
      headers: { 'x-own': 'y', count: '3', at: '2026-01-02T03:04:05.000Z' },
      body,
    },
  })
})

const undecodable: [what: string, headers: Record<string, string>, body: string][] = [
  ['a binary event without an id', { ce_specversion: '1.0', ce_source: '/s', ce_type: 't' }, 'x'],
  ['a binary event of another version', { ce_specversion: '0.3', ce_id: '1', ce_source: '/s', ce_type: 't' }, 'x'],
  ['a structured event that is no JSON', { 'content-type': 'application/cloudevents+json' }, '{'],
  ['a structured event in another format', { 'Content-Type': 'application/cloudevents+xml' }, '<event/>'],
  ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]'],
]

test.each(undecodable)('%s comes as it came, with the reason', (_, headers, body) => {
  const result = receive(headers, Buffer.from(body))
  expect(result.undecodable).toBeInstanceOf(UndecodableError)
  expect(result.undecodable?.reason).toBe('undecodable')
  expect(result.message.id).toBe('orders+0+5')
  expect(Buffer.from(result.message.body).toString()).toBe(body)
  expect(Object.values(result.message.headers)).toEqual(Object.values(headers))
})

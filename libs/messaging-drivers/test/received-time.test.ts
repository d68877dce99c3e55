import { expect, test } from 'vitest'
import { decodeAmqp } from '@armature/messaging-amqp/codec'
import { storedTime } from '@armature/messaging-kafka/codec'
import { isEventTime, receivedTime } from '@armature/messaging/received-time'
import { decodeEntry } from '@armature/messaging-redis/streams-codec'
import { decode } from '@armature/messaging-kit/testing-cloud-events'

const event = { ce_specversion: '1.0', ce_id: 'i', ce_source: '/s', ce_type: 't' }
const isNow = (time: Date) => Math.abs(time.getTime() - Date.now()) < 60_000

test('a time of the years 0 to 9999 is taken, and nothing is kept beside it', () => {
  for (const text of ['0000-01-01T00:00:00.000Z', '1969-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z']) {
    expect(receivedTime(Date.parse(text))).toEqual({ receivedAt: new Date(text) })
    expect(isEventTime(new Date(text))).toBe(true)
  }
})

test.each([NaN, Infinity, 1_795_984_077_747_000, 253_402_300_800_000, Date.parse('0000-01-01T00:00:00Z') - 1])(
  'bug: the invalid time %d is taken: now the time of arrival is, and the invalid time is kept',
  (ms) => {
    const { receivedAt, rawTime } = receivedTime(ms)
    expect(isNow(receivedAt)).toBe(true)
    expect(rawTime).toBe(String(ms))
  },
)

test.each(['9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+01:00'])('bug: ce_time %s leaves the years', (text) => {
  const { time, headers } = decode({ ...event, ce_time: text }, 'kafka', { receivedAt: new Date(5) })
  expect(time).toEqual(new Date(5))
  expect(headers['dlt-raw-time']).toBe(text)
})

test('bug: a timestamp of AMQP in milliseconds is taken as seconds', () => {
  const message = { content: Buffer.of(), fields: { routingKey: 'q' }, properties: { timestamp: 1_795_984_077_747 } }
  const decoded = decodeAmqp(message, 'q').message
  expect(isNow(decoded.time)).toBe(true)
  expect(decoded.headers['dlt-raw-time']).toBe('1795984077747')
})

test('bug: the timestamp of a Kafka record in nanoseconds, or that of an entry that its client chose, is taken', () => {
  expect(isNow(storedTime(1_795_984_077_747_000_000).receivedAt)).toBe(true)
  const { message } = decodeEntry('t', '18446744073709551615-0', [])
  expect(isNow(message.time)).toBe(true)
  expect(message.headers['dlt-raw-time']).toBe('18446744073709551615-0')
})

test('a Kafka record without a timestamp has the time of its arrival', () => {
  const { receivedAt, rawTime } = storedTime(-1)
  expect(isNow(receivedAt)).toBe(true)
  expect(rawTime).toBeUndefined()
})

import { randomUUID } from 'node:crypto'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { Kafka, logLevel, type Message as KafkaMessage } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { compose } from '@armature/messaging/compose'
import { recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { deadLetter, deadLetterTopic } from '@armature/messaging/dead-letter'
import { bytesOfKey } from '@armature/messaging/message-key'
import { asAdmin, eventually, hostsOf, sharedKafka } from './fixture.ts'

const event = { ce_specversion: '1.0', ce_id: 'i', ce_source: '/s', ce_type: 't' }
const poison: readonly (readonly [what: string, message: KafkaMessage])[] = [
  ['a binary key', { key: Buffer.of(0xff, 0, 0x80), value: 'x' }],
  ['an empty key', { key: Buffer.of(), value: 'x' }],
  ['a key with control characters', { key: 'a\u0000\n', value: 'x' }],
  [
    'a partitionkey beside another key',
    { key: Buffer.of(0xfe), value: 'x', headers: { ...event, ce_partitionkey: 'p' } },
  ],
  ['a timestamp in nanoseconds', { key: 'k', value: 'x', timestamp: '1795984077747000000' }],
  ['a timestamp in microseconds', { key: 'k', value: 'x', timestamp: '1795984077747000' }],
  ['a time after the year 9999', { key: 'k', value: 'x', headers: { ...event, ce_time: '9999-12-31T23:59:59-01:00' } }],
  ['an id with a control character', { key: 'k', value: 'x', headers: { ...event, ce_id: 'a\u0000' } }],
  ['an id that is no UTF-8', { key: 'k', value: 'x', headers: { ...event, ce_id: Buffer.of(0xff) } }],
  ['a source that is no URI', { key: 'k', value: 'x', headers: { source: 'my app', ce_own: 'x', type: '' } }],
  ['headers of bytes', { key: 'k', value: 'x', headers: { own: Buffer.of(0xff, 0xfe), 'a b': 'c', '': '' } }],
  ['headers of 100,000 bytes', { key: 'k', value: 'x', headers: { own: 'x'.repeat(100_000) } }],
  ['a key of 100,000 bytes', { key: Buffer.alloc(100_000, 0xff), value: 'x' }],
  ['a tombstone', { key: 'k', value: null }],
  ['a body of the largest size that the broker takes', { key: 'k', value: Buffer.alloc(1_048_500, 'x') }],
]

describe.skipIf(skipped('kafka'))('what other programs publish to Kafka', () => {
  const { url, connect } = sharedKafka()

  const produce = async (topic: string, messages: KafkaMessage[]) => {
    const producer = new Kafka({ brokers: [hostsOf(url())], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    try {
      for (const one of messages) await producer.send({ topic, messages: [one] })
    } finally {
      await producer.disconnect()
    }
  }

  test.each(poison)('bug: %s stops its partition', { timeout: serverDeadlineMs }, async (_, bad) => {
    const topic = uniqueTopic()
    const configEntries = [{ name: 'message.timestamp.after.max.ms', value: '9223372036854775807' }]
    await asAdmin(url(), (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }))
    const driver = await connect()
    const letters = recorder()
    await driver.subscribe(deadLetterTopic(topic), letters.handle)
    const goodId = randomUUID()
    const seen = recorder(async ({ id }) => {
      if (id !== goodId) throw new Error('refused')
    })
    const handle = compose(deadLetter({ publisher: driver, handler: 'test' }))(seen.handle)
    await driver.subscribe(topic, handle, { group: `g-${topic}`, serial: 'key' })
    await produce(topic, [bad, { key: bad.key ?? null, value: 'good', headers: { ...event, ce_id: goodId } }])
    await eventually(() => expect(seen.acked.map(({ id }) => id)).toContain(goodId))
    await eventually(() => expect(letters.acked).toHaveLength(1))
    const [letter] = letters.deliveries
    expect(letter?.headers['dlt-dropped-headers']).toBeUndefined()
    expect(letter?.headers['dlt-cut-body-bytes']).toBeUndefined()
    expect(Buffer.from(letter?.body ?? []).equals(Buffer.from(bad.value ?? ''))).toBe(true)
    expect(letter?.tombstone).toBe(bad.value === null ? true : undefined)
    expect(Buffer.from((letter && bytesOfKey(letter)) ?? []).equals(Buffer.from(bad.key ?? ''))).toBe(true)
  })
})

import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { serverDeadlineMs, skipped, uniqueName } from '@armature/servers/fixture'
import { brokerNotReady } from '@armature/messaging/broker-readiness'
import { recorder } from '@armature/messaging-kit/conformance-fixture'
import { bodyText, message } from '@armature/messaging/message'
import { publishedCodecs } from '../src/compression.ts'
import { asAdmin, eventually, hostsOf, kcatPublish, kcatRead, sharedKafka } from './fixture.ts'

/** Repeats itself over distances of all kinds, and not only. */
const text = (bytes: number): string => {
  const words: string[] = []
  for (let size = 0, at = 0; size < bytes; at++) {
    const word = at % 7 === 0 ? String(Math.sin(at)) : `word-${at % 1_000} `
    words.push(word)
    size += word.length
  }
  return words.join('').slice(0, bytes)
}

describe.skipIf(skipped('kafka'))('batches that are compressed', { timeout: serverDeadlineMs }, () => {
  const { url, connect } = sharedKafka()

  const read = async (topic: string, bodies: readonly string[]) => {
    const seen = recorder()
    await (await connect()).subscribe(topic, seen.handle, { from: 'earliest' })
    await eventually(() => expect(seen.deliveries).toHaveLength(bodies.length))
    expect(seen.deliveries.map(bodyText)).toEqual(bodies)
  }

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
    'bug: what others sent by snappy or lz4 was not read: %s',
    async (codec) => {
      const topic = uniqueName(codec)
      const bodies = [1, 100, 70_000, 900_000].map(text)
      await connect({ partitions: 1 }).then((driver) => driver.publish(topic, [message(topic, 'first')]))
      for (const body of bodies) await kcatPublish(url(), topic, Buffer.from(body), { compression: codec })
      await read(topic, ['first', ...bodies])
    },
  )

  test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
    'bug: our own messages could not be read from a topic with compression.type=%s',
    async (codec) => {
      const topic = uniqueName(codec)
      const configEntries = [{ name: 'compression.type', value: codec }]
      await asAdmin(url(), (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }))
      const bodies = [1, 100, 70_000, 300_000, 900_000].map(text)
      await (
        await connect()
      ).publish(
        topic,
        bodies.map((body) => message(topic, body)),
      )
      await read(topic, bodies)
    },
  )

  test.each(publishedCodecs)('what is published by compression=%s is read by us and by kcat', async (compression) => {
    const topic = uniqueName(compression)
    const bodies = [1, 100, 70_000, 300_000].map(text)
    await (
      await connect({ partitions: 1, compression })
    ).publish(
      topic,
      bodies.map((body) => message(topic, body)),
    )
    await read(topic, bodies)
    expect((await kcatRead(url(), topic, bodies.length)).map(({ payload }) => payload)).toEqual(bodies)
  })

  test('bug: a partition that cannot be read was known to nobody: it shows, the others go on, and it is not skipped', async () => {
    const topic = uniqueName('bomb')
    await asAdmin(url(), (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }] }))
    const send = async (partition: number, value: Buffer | string) => {
      const producer = new Kafka({ brokers: [hostsOf(url())], logLevel: logLevel.NOTHING }).producer()
      await producer.connect()
      await producer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ partition, value }] })
      await producer.disconnect()
    }
    await send(0, 'before')
    await send(0, Buffer.alloc(65 * 1024 * 1024))
    await send(0, 'after')
    await send(1, 'beside')
    const driver = await connect()
    const seen = recorder()
    const subscription = await driver.subscribe(topic, seen.handle, { group: `g-${topic}`, from: 'earliest' })
    await eventually(() => {
      expect(seen.deliveries.map(bodyText).sort()).toEqual(['before', 'beside'])
      expect(driver.health().unreadable).toEqual([
        `${topic}/0 from offset 1 on: its records, compressed by gzip, cannot be decompressed to 67108864 bytes or less: Cannot create a Buffer larger than 67108864 bytes`,
      ])
    })
    await send(1, 'beside, later')
    await eventually(() => expect(seen.deliveries.map(bodyText)).toContain('beside, later'))
    expect(brokerNotReady(driver).map(({ check }) => check)).toEqual(['partitions'])

    // An operator removes it.
    await asAdmin(url(), async (admin) => {
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    })
    await eventually(() => expect(seen.deliveries.map(bodyText)).toContain('after'))
    await eventually(() => expect(brokerNotReady(driver)).toEqual([]))
    await subscription.close()
    expect(brokerNotReady(driver)).toEqual([])
  })
})

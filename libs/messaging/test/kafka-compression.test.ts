import { describe, expect, test } from 'vitest'
import { serverDeadlineMs, skipped, uniqueName } from '@armature/servers/fixture'
import { recorder } from '../src/conformance-fixture.ts'
import { bodyText, message } from '../src/message.ts'
import { asAdmin, eventually, kcatPublish, sharedKafka } from './kafka-fixture.ts'

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
})

import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, test, vi } from 'vitest'
import { serverDeadlineMs, skipped, uniqueName } from '@armature/servers/fixture'
import { recorder } from '@armature/messaging-kit/conformance-fixture'
import { maxSpan } from '../src/claim.ts'
import { message } from '@armature/messaging/message'
import type { Delivery, Driver } from '@armature/messaging/ports'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { asAdmin, eventually, hostsOf, kcatPublish, sharedKafka } from './fixture.ts'

const browserOf = ({ browser }: Driver): TopicBrowser => {
  if (browser === undefined) throw new Error('no browser')
  return browser
}

const lying = async (driver: Driver, topic: string): Promise<StoredMessage[]> => {
  const held: StoredMessage[] = []
  for await (const each of browserOf(driver).browse(topic, { max: 10_000 })) held.push(each)
  return held
}

const bodies = (held: readonly StoredMessage[]) => held.map(({ body }) => Buffer.from(body).toString())

describe.skipIf(skipped('kafka'))('what others do to topics of Kafka', { timeout: serverDeadlineMs }, () => {
  const { url, connect } = sharedKafka()

  const make = (topic: string, settings: Readonly<Record<string, string>> = {}) =>
    asAdmin(url(), (admin) =>
      admin.createTopics({
        topics: [
          {
            topic,
            numPartitions: 1,
            configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
          },
        ],
      }),
    )

  const made = async (kind: string, settings: Readonly<Record<string, string>> = {}) => {
    const topic = uniqueName('outside') + kind
    await make(topic, settings)
    return topic
  }

  const ends = async (topic: string) => {
    const [{ low, high } = { low: '', high: '' }] = await asAdmin(url(), (admin) => admin.fetchTopicOffsets(topic))
    return { low: Number(low), high: Number(high) }
  }

  test('bug: a group stood still for good behind 100,000 records of a transaction that was taken back', async () => {
    const topic = await made('')
    const producer = new Kafka({ brokers: hostsOf(url()).split(','), logLevel: logLevel.NOTHING }).producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    try {
      const transaction = await producer.transaction()
      // As many as one fetch gives.
      const messages = Array.from({ length: maxSpan / 10 }, () => ({ value: 'x'.repeat(80) }))
      for (let sent = 0; sent < 15; sent++) await transaction.send({ topic, messages })
      await transaction.abort()
    } finally {
      await producer.disconnect()
    }
    const driver = await connect()
    await driver.publish(topic, [message(topic, 'seen', { id: 'seen' })])
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group: topic, from: 'earliest' })
    await eventually(() => expect(seen.ids()).toEqual(['seen']))
  })

  test('bug: messages that each fit were refused, since together they were too large for the topic', async () => {
    const topic = await made('', { 'max.message.bytes': '20000' })
    const driver = await connect()
    const fitting = Array.from({ length: 100 }, (_, index) => message(topic, 'x'.repeat(1_000), { id: `${index}` }))
    const tooLarge = message(topic, 'x'.repeat(30_000), { id: 'large' })
    const [whole, large, after] = await Promise.allSettled([
      driver.publish(topic, fitting),
      driver.publish(topic, [tooLarge]),
      driver.publish(topic, [message(topic, 'x', { id: 'after' })]),
    ])
    expect([whole.status, large.status, after.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((large as PromiseRejectedResult).reason).toMatchObject({ fault: 'too-large' })
    expect((await lying(driver, topic)).map(({ id }) => id)).toEqual([...fitting.map(({ id }) => id), 'after'])
  })

  test('bug: a message without a key, which a compacted topic refuses, took those of others with it', async () => {
    const topic = await made('', { 'cleanup.policy': 'compact' })
    const driver = await connect()
    const outcomes = await Promise.allSettled(
      ['a', undefined, 'b'].map((key) =>
        driver.publish(topic, [message(topic, 'x', { id: key ?? 'none', ...(key === undefined ? {} : { key }) })]),
      ),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await lying(driver, topic)).map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('bug: what a handler had and what it rejected was dropped when the log began behind its place', async () => {
    const topic = await made('')
    const driver = await connect()
    const total = 200
    const numbered = Array.from({ length: total }, (_, index) =>
      message(topic, 'x'.repeat(10_000), { id: `${index}`, key: `${index}` }),
    )
    // Each a batch of its own, so that they are fetched by and by.
    for (let at = 0; at < total; at += 10) await driver.publish(topic, numbered.slice(at, at + 10))
    const begun = new Set<string>()
    const done: string[] = []
    const gate = Promise.withResolvers<void>()
    let isReleased = false
    const handle = async ({ id }: Delivery) => {
      begun.add(id)
      await gate.promise
      if (id === '0' && !isReleased) throw new Error('not yet')
      done.push(id)
    }
    await driver.subscribe(topic, handle, {
      group: topic,
      from: 'earliest',
      maxInFlight: 5,
      maxInFlightBytes: 65_536,
      redeliveryDelayMs: 20,
    })
    await eventually(() => expect(begun.size).toBe(5))
    await asAdmin(url(), async (admin) => {
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(total - 10) }] })
    })
    gate.resolve()
    await eventually(() => expect(done).toContain(`${total - 1}`))
    expect(done.length).toBeLessThan(total / 2)
    isReleased = true
    await eventually(() => expect(done).toContain('0'))
    await eventually(async () => {
      const [{ partitions = [] } = {}] = await asAdmin(url(), (admin) =>
        admin.fetchOffsets({ groupId: topic, topics: [topic] }),
      )
      expect(partitions[0]?.offset).toBe(String(total))
    })
  })

  const letters = ['one', 'two', 'three', 'four']
  const filled = async (topic: string) => {
    const driver = await connect()
    await driver.publish(
      topic,
      letters.map((id) => message(topic, id, { id, key: id })),
    )
    return driver
  }

  test('bug: a removal took what lay in the same places of a topic that was made again', async () => {
    const topic = await made('.DLT')
    const driver = await filled(topic)
    const old = await lying(driver, topic)
    await asAdmin(url(), (admin) => admin.deleteTopics({ topics: [topic] }))
    await vi.waitFor(() => make(topic), { timeout: 10_000, interval: 100 })
    await eventually(() =>
      driver.publish(
        topic,
        ['five', 'six'].map((id) => message(topic, id, { id, key: id })),
      ),
    )
    await eventually(async () => expect(bodies(await lying(driver, topic))).toEqual(['five', 'six']))
    await browserOf(driver).remove(topic, old.slice(0, 2))
    expect(bodies(await lying(driver, topic))).toEqual(['five', 'six'])
  })

  test('bug: letters of other programs, which have no id, stayed where another was removed before', async () => {
    const topic = await made('.DLT')
    for (const each of letters) await kcatPublish(url(), topic, Buffer.from(each))
    const driver = await connect()
    const held = await lying(driver, topic)
    await browserOf(driver).remove(topic, held.slice(1, 2))
    await browserOf(driver).remove(topic, held.slice(2, 3))
    expect(bodies(await lying(driver, topic))).toEqual(['one', 'four'])
  })

  test('bug: letters that the broker gives its own time stayed where another was removed before', async () => {
    const topic = await made('.DLT', { 'message.timestamp.type': 'LogAppendTime' })
    const driver = await filled(topic)
    const held = await lying(driver, topic)
    await browserOf(driver).remove(topic, held.slice(1, 2))
    await browserOf(driver).remove(topic, held.slice(2, 3))
    expect(bodies(await lying(driver, topic))).toEqual(['one', 'four'])
  })

  test('bug: each removal from a topic that lets nothing be removed left all letters there once more', async () => {
    const topic = await made('.DLT', { 'cleanup.policy': 'compact' })
    const driver = await filled(topic)
    const held = await lying(driver, topic)
    await expect(browserOf(driver).remove(topic, held.slice(1, 2))).rejects.toThrow('POLICY_VIOLATION')
    expect(await ends(topic)).toEqual({ low: 0, high: letters.length })
  })

  test('one of several letters with equal contents is removed', async () => {
    const topic = await made('.DLT')
    for (const each of ['same', 'same', 'other', 'same']) await kcatPublish(url(), topic, Buffer.from(each))
    const driver = await connect()
    const held = await lying(driver, topic)
    await browserOf(driver).remove(topic, held.slice(1, 2))
    expect(bodies(await lying(driver, topic))).toEqual(['same', 'other', 'same'])
    await browserOf(driver).remove(topic, [...held.slice(0, 1), ...held.slice(3)])
    expect(bodies(await lying(driver, topic))).toEqual(['other'])
  })
})

import { skipped } from '@armature/servers/fixture'
import { describe, expect, test } from 'vitest'
import { drain, idsOf, numbered, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { asked, kafkaCluster } from '../src/cluster.ts'
import { openKafka } from '../src/driver.ts'
import { kafkaSettings } from '../src/settings.ts'
import type { Message } from '@armature/messaging/message'
import { asAdmin, cuttableSockets, eventually, keys, sharedKafka } from './fixture.ts'

const timeout = 60_000

describe.skipIf(skipped('kafka'))('a topic that is deleted and made again', () => {
  const { url, connect, keep } = sharedKafka()

  const replace = (topic: string, numPartitions = 1) =>
    asAdmin(url(), async (admin) => {
      await admin.deleteTopics({ topics: [topic] })
      await eventually(
        async () => void (await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions }] })),
      )
      await eventually(async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
        expect(topics[0]?.partitions).toHaveLength(numPartitions)
      })
    })

  const expectAll = (seen: ReturnType<typeof recorder>, messages: readonly Message[]) =>
    eventually(() => expect(new Set(seen.ids())).toEqual(new Set(idsOf(messages))))

  const lives = [
    { what: 'longer than the place of its subscriber', before: 10, after: 30 },
    { what: 'shorter than the place of its subscriber', before: 30, after: 10 },
    { what: 'just as long', before: 20, after: 20 },
  ]

  describe.each([{ who: 'a subscriber without a group' }, { who: 'a group', group: true }])('$who', ({ group }) => {
    const options = (topic: string) => (group === true ? { group: `g-${topic}` } : {})

    test.each(lives)(
      'bug: the first messages of a new life, $what, were passed over',
      { timeout },
      async ({ before, after }) => {
        const topic = uniqueTopic()
        const publisher = await connect({ partitions: 1 })
        const { sockets, hold, release } = cuttableSockets()
        const subscriber = keep(await openKafka(url({ partitions: 1 }), { warn: () => undefined, sockets }))
        const seen = recorder()
        await subscriber.subscribe(topic, seen.handle, options(topic))
        const old = numbered(topic, before)
        await publisher.publish(topic, old)
        await eventually(() => expect(seen.acked).toHaveLength(before))
        // As where it all happens between two fetches.
        hold()
        await replace(topic)
        const fresh = await connect()
        const messages = numbered(topic, after)
        await fresh.publish(topic, messages)
        release()
        await expectAll(seen, [...old, ...messages])
        expect(seen.deliveries).toHaveLength(before + after)
        // And so do the next ones.
        const later = numbered(topic, 5)
        await fresh.publish(topic, later)
        await expectAll(seen, [...old, ...messages, ...later])
        expect(seen.deliveries).toHaveLength(before + after + 5)
      },
    )

    test('that had 2 partitions and has 5 then, or 1: all are read', { timeout }, async () => {
      const topic = uniqueTopic()
      const [publisher, subscriber] = [await connect({ partitions: 2 }), await connect()]
      const seen = recorder()
      await subscriber.subscribe(topic, async (delivery) => seen.handle(delivery), options(topic))
      const all: Message[] = []
      const publish = async (count: number, driver = publisher) => {
        const messages = numbered(topic, count, keys)
        all.push(...messages)
        await driver.publish(topic, messages)
        await expectAll(seen, all)
      }
      await publish(40)
      await replace(topic, 5)
      await publish(60, await connect())
      await replace(topic, 1)
      await publish(60, await connect())
    })
  })

  test('bug: messages of a pattern in a new life were passed over', { timeout }, async () => {
    const root = uniqueTopic()
    const topic = `${root}.a`
    const [publisher, subscriber] = [await connect({ partitions: 1 }), await connect()]
    const seen = recorder()
    await publisher.publish(topic, numbered(topic, 20))
    await subscriber.subscribe(`${root}.*`, seen.handle)
    const old = numbered(topic, 5)
    await publisher.publish(topic, old)
    await expectAll(seen, old)
    await replace(topic)
    const messages = numbered(topic, 60)
    await (await connect()).publish(topic, messages)
    await expectAll(seen, [...old, ...messages])
  })

  test.each(lives)(
    'bug: a group that was away, with a place of the life before, passed the first messages over: $what',
    { timeout },
    async ({ before, after }) => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const driver = await connect({ partitions: 1 })
      const gone = recorder()
      const subscription = await driver.subscribe(topic, gone.handle, { group })
      await driver.publish(topic, numbered(topic, before))
      await eventually(() => expect(gone.acked).toHaveLength(before))
      await drain(subscription)
      const place = await keptPlace(topic, group)
      expect(place).toMatchObject({ offset: String(before) })
      await replace(topic)
      const messages = numbered(topic, after)
      await (await connect()).publish(topic, messages)
      // Kafka forgets a group's place with the topic, but a member's commit may still be under way.
      await keepPlace(topic, group, place)
      const seen = recorder()
      await (await connect()).subscribe(topic, seen.handle, { group })
      await expectAll(seen, messages)
      expect(seen.deliveries).toHaveLength(after)
    },
  )

  /** The offset that Kafka keeps for the group in partition 0 of the topic. */
  const keptPlace = async (topic: string, group: string) => {
    const cluster = kafkaCluster({ settings: await kafkaSettings(url()), warn: () => undefined })
    try {
      await cluster.open()
      const topics = [{ topic, partitions: [{ partition: 0 }] }]
      const answer = await asked(cluster.coordinator(group), 'OffsetFetch', { groupId: group, topics })
      const { offset = '-1', metadata } = answer.responses[0]?.partitions[0] ?? {}
      return { offset, metadata: metadata ?? '' }
    } finally {
      cluster.close()
    }
  }

  const keepPlace = async (topic: string, group: string, place: { offset: string; metadata: string }) => {
    const cluster = kafkaCluster({ settings: await kafkaSettings(url()), warn: () => undefined })
    try {
      await cluster.open()
      const answer = await asked(cluster.coordinator(group), 'OffsetCommit', {
        groupId: group,
        groupGenerationId: -1,
        memberId: '',
        topics: [{ topic, partitions: [{ partition: 0, ...place }] }],
      })
      expect(answer.responses[0]?.partitions[0]?.errorCode).toBe(0)
    } finally {
      cluster.close()
    }
  }

  test('a place that an administrator set is taken, whatever the life', { timeout }, async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const driver = await connect({ partitions: 1 })
    const messages = numbered(topic, 10)
    await driver.publish(topic, messages)
    await asAdmin(url(), (admin) =>
      admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '7' }] }),
    )
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group })
    await eventually(() => expect(seen.ids()).toEqual(idsOf(messages.slice(7))))
  })

  test.each([1, 4])(
    'bug: a publisher that runs on waited for partitions that the new life, of %i, does not have',
    { timeout },
    async (partitions) => {
      const topic = uniqueTopic()
      const publisher = keep(await openKafka(url({ partitions: 8, publishWaitMs: 20_000 }), { warn: () => undefined }))
      await publisher.publish(topic, numbered(topic, 100, keys))
      await replace(topic, partitions)
      const seen = recorder()
      await (await connect()).subscribe(topic, seen.handle, { from: 'earliest' })
      const messages = [numbered(topic, 100, keys), numbered(topic, 100, keys), numbered(topic, 10)]
      for (const each of messages) await publisher.publish(topic, each)
      await expectAll(seen, messages.flat())
      expect(seen.deliveries).toHaveLength(210)
      for (const key of keys) {
        const ids = seen.deliveries.filter((each) => each.key === key).map(({ id }) => id)
        expect(ids).toEqual(idsOf(messages.flat().filter((each) => each.key === key)))
      }
    },
  )
})

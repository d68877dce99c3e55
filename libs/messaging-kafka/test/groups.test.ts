import { skipped } from '@armature/servers/fixture'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { idsOf, numbered, recorder, turnstile, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { SubscribeError } from '@armature/messaging/errors'
import { openKafka } from '../src/driver.ts'
import { message } from '@armature/messaging/message'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { apis, asAdmin, cuttableSockets, eventually, hostsOf, keys, killableKafka, sharedKafka } from './fixture.ts'

describe.skipIf(skipped('kafka'))('groups on Kafka', () => {
  const { url, connect, keep } = sharedKafka()

  /** A member whose heartbeats can be waited for. */
  const counting = async (options: Parameters<typeof url>[0]) => {
    const { sockets, sent } = cuttableSockets()
    const driver = keep(await openKafka(url(options), { warn: () => undefined, sockets }))
    const beats = async (count: number) => {
      const before = sent(apis.heartbeat)
      await eventually(() => expect(sent(apis.heartbeat) - before).toBeGreaterThanOrEqual(count))
    }
    return { driver, beats }
  }

  test('a group that crashes before its first acknowledgement has its place: nothing published since is passed over', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const publisher = await connect()
    await publisher.publish(topic, numbered(topic, 20, keys))
    const victim = await killableKafka(url({ sessionTimeoutMs: 1_000 }))
    keep(victim.driver)
    await victim.driver.subscribe(topic, () => new Promise(() => undefined), { group })
    await victim.kill()
    const messages = numbered(topic, 20, keys)
    await publisher.publish(topic, messages)
    const seen = recorder()
    await publisher.subscribe(topic, seen.handle, { group })
    await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
  })

  test('a topic that is made while its group is away is read from its first message on', async () => {
    const root = uniqueTopic()
    const group = `g-${root}`
    const driver = await connect()
    const seen = recorder()
    await driver.publish(`${root}.a`, numbered(`${root}.a`, 1))
    const before = await driver.subscribe(`${root}.*`, seen.handle, { group, from: 'earliest' })
    await eventually(() => expect(seen.acked).toHaveLength(1))
    await before.stop()
    await before.close()
    const messages = numbered(`${root}.b`, 10, keys)
    await driver.publish(`${root}.b`, messages)
    await driver.subscribe(`${root}.*`, seen.handle, { group })
    await eventually(() => expect(seen.ids().slice(1).sort()).toEqual(idsOf(messages).sort()))
  })

  test('topics made later join a pattern and disturb nothing that is under way', { timeout: 60_000 }, async () => {
    const root = uniqueTopic()
    const group = `g-${root}`
    const [one, two] = [await connect(), await connect()]
    const seen = recorder(() => new Promise((resolve) => setImmediate(resolve)))
    await one.publish(`${root}.a`, numbered(`${root}.a`, 1))
    await one.subscribe(`${root}.*`, seen.handle, { group })
    await two.subscribe(`${root}.*`, seen.handle, { group })
    const ids: string[] = []
    for (const name of ['a', 'b', 'c', 'd']) {
      const messages = numbered(`${root}.${name}`, 50, keys)
      ids.push(...idsOf(messages))
      await one.publish(`${root}.${name}`, messages)
    }
    await eventually(() => expect(seen.ids().sort()).toEqual([...ids].sort()))
    expect(seen.deliveries).toHaveLength(200)
  })

  test('a handler that takes longer than the session keeps its place in the group', { timeout: 30_000 }, async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [one, two] = [await counting({ sessionTimeoutMs: 1_000 }), await counting({ sessionTimeoutMs: 1_000 })]
    const gate = turnstile()
    const seen = recorder(() => gate.pass())
    await one.driver.subscribe(topic, seen.handle, { group, maxInFlight: 5 })
    await two.driver.subscribe(topic, seen.handle, { group, maxInFlight: 5 })
    const messages = numbered(topic, 20, keys)
    await one.driver.publish(topic, messages)
    await eventually(() => expect(seen.unsettled).toBe(10))
    // Three a session.
    await Promise.all([one.beats(10), two.beats(10)])
    gate.open()
    await eventually(() => expect(seen.acked).toHaveLength(20))
    expect(seen.deliveries).toHaveLength(20)
  })

  test('a partition moves when its old owner has settled what it has of it', { timeout: 30_000 }, async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [one, two] = [await connect(), await counting({ sessionTimeoutMs: 1_000 })]
    const gate = turnstile()
    const [first, second] = [recorder(() => gate.pass()), recorder()]
    await one.subscribe(topic, first.handle, { group })
    const messages = numbered(topic, 100, keys)
    await one.publish(topic, messages)
    await eventually(() => expect(first.unsettled).toBe(100))
    await two.driver.subscribe(topic, second.handle, { group })
    // Two rounds of sharing take two of them.
    await two.beats(6)
    expect(second.deliveries).toHaveLength(0)
    gate.open()
    const published = [...messages]
    await eventually(async () => {
      const more = numbered(topic, 20, keys)
      published.push(...more)
      await one.publish(topic, more)
      expect(second.deliveries.length).toBeGreaterThan(0)
    })
    const ids = () => idsOf([...first.deliveries, ...second.deliveries]).sort()
    await eventually(() => expect(ids()).toEqual(idsOf(published).sort()))
  })

  test('what is not kept any more is passed, and said', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const problems: string[] = []
    const driver = await openKafka(url({ partitions: 1 }), {
      warn: (problem) => problems.push(problem),
    })
    keep(driver)
    const first = await driver.subscribe(topic, async () => undefined, { group })
    await first.close()
    const messages = numbered(topic, 10)
    await driver.publish(topic, messages)
    const held: StoredMessage[] = []
    for await (const each of driver.browser?.browse(topic, { max: 6 }) ?? []) held.push(each)
    await driver.browser?.remove(topic, held)
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group })
    await eventually(() => expect(seen.ids()).toEqual(idsOf(messages.slice(6))))
    expect(problems.join()).toContain('offset 0 of')
  })

  test('without a group nothing is left behind at the broker', async () => {
    const topic = uniqueTopic()
    const driver = await connect()
    const before = await asAdmin(url(), (admin) => admin.listGroups())
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    await driver.publish(topic, numbered(topic, 5))
    await eventually(() => expect(seen.acked).toHaveLength(5))
    const groups = async () =>
      (await asAdmin(url(), (admin) => admin.listGroups())).groups.map(({ groupId }) => groupId)
    const own = (await groups()).filter((id) => !before.groups.some(({ groupId }) => groupId === id))
    expect(own.filter((id) => id.includes(topic))).toEqual([])
  })

  test('a group that another kind of client uses is refused', { timeout: 30_000 }, async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const driver = await connect()
    await driver.publish(topic, numbered(topic, 1))
    const consumer = new Kafka({ brokers: [hostsOf(url())], logLevel: logLevel.NOTHING }).consumer({
      groupId: group,
      maxWaitTimeInMs: 100,
    })
    await consumer.connect()
    await consumer.subscribe({ topic })
    const joined = new Promise<void>((resolve) => void consumer.on('consumer.group_join', () => resolve()))
    await consumer.run({ eachMessage: () => Promise.resolve() })
    await joined
    try {
      const refused = driver.subscribe(topic, async () => undefined, { group })
      await expect(refused).rejects.toThrow(SubscribeError)
      await expect(refused).rejects.toThrow('INCONSISTENT_GROUP_PROTOCOL')
    } finally {
      await consumer.disconnect()
    }
  })

  test('what fails for long is not acknowledged by what comes after it', { timeout: 30_000 }, async () => {
    const topic = uniqueTopic()
    const driver = await connect({ partitions: 1 })
    const seen = recorder(async ({ id }) => {
      if (id === 'poison') throw new Error('again')
    })
    await driver.subscribe(topic, seen.handle, { group: `g-${topic}`, redeliveryDelayMs: 50 })
    await driver.publish(topic, [message(topic, 'x', { id: 'poison' }), ...numbered(topic, 100)])
    await eventually(() => expect(new Set(idsOf(seen.acked)).size).toBe(100))
    const heir = await connect()
    const again = recorder()
    await driver.close()
    await heir.subscribe(topic, again.handle, { group: `g-${topic}` })
    await eventually(() => expect(again.ids()).toContain('poison'))
  })
})

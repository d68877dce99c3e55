import { randomUUID } from 'node:crypto'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { kcat } from '@armature/servers/kcat'
import { startProgram } from '@armature/servers/program'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { idsOf, numbered, recorder, turnstile, uniqueTopic } from '../src/conformance-fixture.ts'
import { element } from '../src/element.ts'
import { PublishError, SubscribeError } from '../src/errors.ts'
import { openKafka } from '../src/kafka.ts'
import { kafkaName } from '../src/kafka-names.ts'
import { bodyText, message } from '../src/message.ts'
import type { Driver } from '../src/ports.ts'
import type { Held } from '../src/topic-browser.ts'
import { cuttableSockets, hostsOf, kcatPublish, kcatRead, killableKafka, withOptions } from './kafka-fixture.ts'

let server: string
let open: Driver[] = []

beforeAll(async () => {
  server = await serverUrl('kafka')
  await kcat()
}, serverDeadlineMs)

afterEach(async () => {
  const drivers = open
  open = []
  await Promise.all(drivers.map((driver) => driver.close()))
})

const connect = async (options: Readonly<Record<string, string | number>> = {}): Promise<Driver> => {
  const driver = await openKafka(withOptions(server, options), { warn: () => undefined })
  open.push(driver)
  return driver
}
const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 10_000, interval: 10 })
const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`)
const asAdmin = async <Result>(use: (admin: ReturnType<Kafka['admin']>) => Promise<Result>): Promise<Result> => {
  const admin = new Kafka({ brokers: [hostsOf(server)], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

test('kcat reads what is published here: a CloudEvent in binary mode', { timeout: 30_000 }, async () => {
  const topic = uniqueTopic()
  const driver = await connect()
  const time = new Date('2024-02-29T12:34:56.789Z')
  const headers = { 'content-type': 'application/json', traceparent: 'tp', 'x-own': 'žluť' }
  await driver.publish(topic, [message(topic, '{"a":1}', { id: 'i-1', key: 'k', time, headers })])
  const [seen] = await kcatRead(server, topic, 1)
  expect(seen).toMatchObject({ topic, offset: 0, key: 'k', payload: '{"a":1}' })
  const pairs = new Map(seen?.headers.map((_, at, all) => [all[at - (at % 2)], all[at - (at % 2) + 1]]))
  expect(Object.fromEntries(pairs)).toEqual({
    ce_specversion: '1.0',
    ce_id: 'i-1',
    ce_source: '/armature',
    ce_type: topic,
    ce_time: '2024-02-29T12:34:56.789Z',
    ce_partitionkey: 'k',
    ce_traceparent: 'tp',
    'content-type': 'application/json',
    'x-own': 'žluť',
  })
})

test('what kcat publishes arrives here: as it is, or as the CloudEvent that it is', { timeout: 30_000 }, async () => {
  const topic = uniqueTopic()
  const driver = await connect()
  const seen = recorder()
  await driver.subscribe(topic, seen.handle)
  await kcatPublish(server, topic, Buffer.from('plain'), { key: 'k', headers: { 'X-Own': 'v' } })
  const headers = {
    ce_specversion: '1.0',
    ce_id: 'i-2',
    ce_source: '/kcat',
    ce_type: 'made',
    'content-type': 'text/plain',
  }
  await kcatPublish(server, topic, Buffer.from('event'), { key: 'k', headers })
  await eventually(() => expect(seen.deliveries).toHaveLength(2))
  const [plain, event] = seen.deliveries
  const { partition, offset } = plain?.position ?? {}
  expect(plain).toMatchObject({ id: `${topic}+${partition}+${offset}`, key: 'k', headers: { 'x-own': 'v' } })
  expect(event).toMatchObject({ id: 'i-2', headers: { source: '/kcat', type: 'made', 'content-type': 'text/plain' } })
  expect(seen.deliveries.map(bodyText)).toEqual(['plain', 'event'])
})

test('a key goes to the partition that other clients choose for it', { timeout: 60_000 }, async () => {
  const topic = uniqueTopic()
  const driver = await connect({ partitions: 7 })
  await driver.publish(
    topic,
    keys.map((key) => message(topic, 'ours', { key })),
  )
  const producer = new Kafka({ brokers: [hostsOf(server)], logLevel: logLevel.NOTHING }).producer()
  vi.stubEnv('KAFKAJS_NO_PARTITIONER_WARNING', '1')
  await producer.connect()
  await producer.send({ topic, messages: keys.map((key) => ({ key, value: 'theirs' })) })
  await producer.disconnect()
  const all = await kcatRead(server, topic, 40)
  for (const key of keys) {
    const places = new Set(all.filter((each) => each.key === key).map(({ partition }) => partition))
    expect([...places], key).toHaveLength(1)
  }
  expect(new Set(all.map(({ partition }) => partition)).size).toBeGreaterThan(3)
})

test('a topic is made with the partitions of the URL, under a name that Kafka takes', async () => {
  const topic = `${uniqueTopic()}.žluť/1`
  const driver = await connect({ partitions: 3, compression: 'gzip' })
  const seen = recorder()
  await driver.subscribe(topic, seen.handle)
  const messages = numbered(topic, 50, keys)
  await driver.publish(topic, messages)
  await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
  expect(seen.deliveries.every((each) => each.topic === topic)).toBe(true)
  const found = await asAdmin((admin) => admin.fetchTopicMetadata({ topics: [kafkaName(topic)] }))
  expect(found.topics[0]?.partitions).toHaveLength(3)
})

test('messages beyond what the topic takes are refused by the broker, and the next ones are held', async () => {
  const topic = uniqueTopic()
  const small = await connect({ maxMessageBytes: 1_000 })
  await small.publish(topic, [message(topic, 'makes the topic with its limit')])
  const driver = await connect()
  const over = driver.publish(topic, [message(topic, Buffer.alloc(200_000), { key: 'k' })])
  await expect(over).rejects.toThrow(PublishError)
  await expect(over).rejects.toMatchObject({ fault: 'too-large', retryable: false })
  const seen = recorder()
  await driver.subscribe(topic, seen.handle)
  const messages = numbered(topic, 20, ['k'])
  await driver.publish(topic, messages)
  await eventually(() => expect(seen.ids()).toEqual(idsOf(messages)))
})

test(
  'a message whose publish was given up, held or not, does not pass for the next one',
  { timeout: 30_000 },
  async () => {
    const topic = uniqueTopic()
    const { sockets, cut, deafen } = cuttableSockets()
    const driver = await openKafka(withOptions(server, { publishWaitMs: 500, partitions: 1 }), {
      warn: () => undefined,
      sockets,
    })
    open.push(driver)
    await driver.publish(topic, [message(topic, 'first', { id: 'first' })])
    deafen()
    const unheard = driver.publish(topic, [message(topic, 'unheard', { id: 'unheard' })])
    await expect(unheard).rejects.toMatchObject({ fault: 'unavailable', retryable: true })
    cut()
    // The broker would take it for a repeat if it had the number of the one before.
    await eventually(() => driver.publish(topic, [message(topic, 'next', { id: 'next' })]))
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { from: 'earliest' })
    await eventually(() => expect(seen.ids()).toEqual(['first', 'unheard', 'next']))
  },
)

test('a group that crashes before its first acknowledgement has its place: nothing published since is passed over', async () => {
  const topic = uniqueTopic()
  const group = `g-${topic}`
  const publisher = await connect()
  await publisher.publish(topic, numbered(topic, 20, keys))
  const victim = await killableKafka(withOptions(server, { sessionTimeoutMs: 1_000 }))
  open.push(victim.driver)
  await victim.driver.subscribe(topic, () => new Promise(() => undefined), { group })
  victim.kill()
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
  const [one, two] = [await connect({ sessionTimeoutMs: 1_000 }), await connect({ sessionTimeoutMs: 1_000 })]
  const gate = turnstile()
  const seen = recorder(() => gate.pass())
  await one.subscribe(topic, seen.handle, { group, maxInFlight: 5 })
  await two.subscribe(topic, seen.handle, { group, maxInFlight: 5 })
  const messages = numbered(topic, 20, keys)
  await one.publish(topic, messages)
  await eventually(() => expect(seen.unsettled).toBe(10))
  const heldMs = performance.now()
  await eventually(() => expect(performance.now() - heldMs).toBeGreaterThan(4_000))
  gate.open()
  await eventually(() => expect(seen.acked).toHaveLength(20))
  expect(seen.deliveries).toHaveLength(20)
})

test('a partition moves when its old owner has settled what it has of it', { timeout: 30_000 }, async () => {
  const topic = uniqueTopic()
  const group = `g-${topic}`
  const [one, two] = [await connect(), await connect()]
  const gate = turnstile()
  const [first, second] = [recorder(() => gate.pass()), recorder()]
  await one.subscribe(topic, first.handle, { group })
  const messages = numbered(topic, 100, keys)
  await one.publish(topic, messages)
  await eventually(() => expect(first.unsettled).toBe(100))
  await two.subscribe(topic, second.handle, { group })
  const joinedMs = performance.now()
  await eventually(() => expect(performance.now() - joinedMs).toBeGreaterThan(2_000))
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
  const driver = await openKafka(withOptions(server, { partitions: 1 }), { warn: (problem) => problems.push(problem) })
  open.push(driver)
  const first = await driver.subscribe(topic, async () => undefined, { group })
  await first.close()
  const messages = numbered(topic, 10)
  await driver.publish(topic, messages)
  const held: Held[] = []
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
  const before = await asAdmin((admin) => admin.listGroups())
  const seen = recorder()
  await driver.subscribe(topic, seen.handle)
  await driver.publish(topic, numbered(topic, 5))
  await eventually(() => expect(seen.acked).toHaveLength(5))
  const groups = async () => (await asAdmin((admin) => admin.listGroups())).groups.map(({ groupId }) => groupId)
  const own = (await groups()).filter((id) => !before.groups.some(({ groupId }) => groupId === id))
  expect(own.filter((id) => id.includes(topic))).toEqual([])
})

test('a group that another kind of client uses is refused', { timeout: 30_000 }, async () => {
  const topic = uniqueTopic()
  const group = `g-${topic}`
  const driver = await connect()
  await driver.publish(topic, numbered(topic, 1))
  const consumer = new Kafka({ brokers: [hostsOf(server)], logLevel: logLevel.NOTHING }).consumer({
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
  await element(open, 0).close()
  await heir.subscribe(topic, again.handle, { group: `g-${topic}` })
  await eventually(() => expect(again.ids()).toContain('poison'))
})

test('nothing keeps the process alive after close', { timeout: 60_000 }, async () => {
  const topic = uniqueTopic()
  const source = `
    import { openKafka } from ${JSON.stringify(new URL('../src/kafka.ts', import.meta.url).href)}
    import { message } from ${JSON.stringify(new URL('../src/message.ts', import.meta.url).href)}
    const driver = await openKafka(${JSON.stringify(server)})
    const { promise, resolve } = Promise.withResolvers()
    await driver.subscribe('${topic}', async () => resolve(), { group: '${randomUUID()}' })
    await driver.publish('${topic}', [message('${topic}', 'x')])
    await promise
    await driver.close()
    console.log('closed')
  `
  const program = startProgram(process.execPath, ['--input-type=module-typescript', '--eval', source])
  try {
    await program.until(/closed/)
    expect(await program.ended(3_000)).toEqual({ code: 0, signal: null })
    expect(program.output()).not.toContain('Warning')
  } finally {
    await program.kill()
  }
})

import { serverDeadlineMs } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import type { RunningServer } from '@armature/servers/server'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readEnvelope } from '@armature/messaging/dead-letter-envelope'
import { advisoryStream, durableName } from '../src/jetstream-names.ts'
import { openJetstream } from '../src/jetstream-driver.ts'
import { bodyText, message } from '@armature/messaging/message'
import type { Driver, Handler } from '@armature/messaging/ports'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { keptDrivers, rawClient } from './fixture.ts'

let server: RunningServer
let raw: NatsConnection
const keep = keptDrivers()

beforeAll(async () => {
  server = await startNats()
  raw = await rawClient(server.url)
}, serverDeadlineMs)

afterAll(async () => {
  await raw.close()
  await server.stop()
})

const driver = async (options = ''): Promise<Driver> => {
  return keep(await openJetstream(`jetstream://${new URL(server.url).host}?ackWaitMs=1000${options}`))
}

const eventually = (assertion: () => Promise<void>) => vi.waitFor(assertion, { timeout: 20_000, interval: 20 })

const heldOf = async (of: Driver, topic: string): Promise<StoredMessage[]> => {
  const held: StoredMessage[] = []
  for await (const each of of.browser?.browse(topic, { max: 100 }) ?? []) held.push(each)
  return held
}

const letters = (of: Driver, topic: string): Promise<StoredMessage[]> => heldOf(of, `${topic}.DLT`)

const rejects: Handler = async () => {
  throw new Error('never')
}

const uniqueTopic = () => `giveup.${randomUUID()}`

test('a message that a group does not acknowledge in maxDeliver deliveries becomes one dead letter', async () => {
  const topic = uniqueTopic()
  const one = await driver('&maxDeliver=3')
  await one.subscribe(topic, rejects, { group: 'billing', redeliveryDelayMs: 10 })
  await one.publish(topic, [message(topic, 'poison', { id: 'p-1', key: 'k', headers: { traceparent: 'x' } })])
  await eventually(async () => expect(await letters(one, topic)).toHaveLength(1))
  const [letter] = await letters(one, topic)
  expect(letter).toMatchObject({ id: 'p-1', key: 'k', topic: `${topic}.DLT` })
  expect(bodyText(letter as StoredMessage)).toBe('poison')
  expect(readEnvelope(letter?.headers ?? {})).toMatchObject({
    topic,
    group: 'billing',
    reason: 'max-deliveries',
    deliveries: 3,
    traceparent: 'x',
  })
})

test('each group that gives the same message up leaves a dead letter of its own', async () => {
  const topic = uniqueTopic()
  const one = await driver('&maxDeliver=2')
  for (const group of ['one', 'two']) await one.subscribe(topic, rejects, { group, redeliveryDelayMs: 10 })
  await one.publish(topic, [message(topic, 'poison')])
  await eventually(async () => {
    const groups = (await letters(one, topic)).map(({ headers }) => readEnvelope(headers)?.group)
    expect(groups.sort()).toEqual(['one', 'two'])
  })
})

test('a message that another client of the group terminates becomes a dead letter with its reason', async () => {
  const topic = uniqueTopic()
  const one = await driver()
  const subscription = await one.subscribe(topic, rejects, { group: 'shared' })
  await subscription.close()
  await one.publish(topic, [message(topic, 'not for us', { id: 't-1' })])
  const consumer = await jetstream(raw).consumers.get('giveup', durableName('shared', topic))
  const msg = await consumer.next({ expires: 5_000 })
  msg?.term('wrong schema')
  await eventually(async () => expect(await letters(one, topic)).toHaveLength(1))
  const [letter] = await letters(one, topic)
  expect(letter?.id).toBe('t-1')
  expect(letter?.headers['dlt-reason']).toBe('terminated')
  expect(letter?.headers['kafka_dlt-exception-message']).toContain('wrong schema')
})

test('what was given up while no service ran becomes a dead letter when one starts', async () => {
  const topic = uniqueTopic()
  const first = await driver('&maxDeliver=1&advisories=off')
  await first.subscribe(topic, rejects, { group: 'late' })
  await first.publish(topic, [message(topic, 'poison')])
  const advisories = async () => (await (await jetstreamManager(raw)).streams.info(advisoryStream)).state.messages
  const before = await advisories()
  await eventually(async () => expect(await advisories()).toBeGreaterThan(before))
  await first.close()
  const second = await driver()
  expect(await letters(second, topic)).toEqual([])
  await second.subscribe(uniqueTopic(), rejects, { group: 'any' })
  await eventually(async () => expect(await letters(second, topic)).toHaveLength(1))
})

test('a dead letter whose advisory comes again is not published twice, also after the dedupe window', async () => {
  const topic = uniqueTopic()
  const jsm = await jetstreamManager(raw)
  const stream = topic.replace('.', '-')
  // A stream without a window to speak of: only looking can find the first dead letter.
  await jsm.streams.delete('giveup').catch(() => undefined)
  await jsm.streams.add({ name: stream, subjects: [topic, `${topic}.DLT`], duplicate_window: 100_000_000 })
  const one = await driver('&maxDeliver=1')
  await one.subscribe(topic, rejects, { group: 'again' })
  await one.publish(topic, [message(topic, 'poison')])
  await eventually(async () => expect(await letters(one, topic)).toHaveLength(1))
  const { seq } = (await jsm.streams.getMessage(advisoryStream, {
    last_by_subj: `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.*`,
  })) ?? { seq: 0 }
  await one.close()

  // A service that dies before it acknowledges the advisory leaves it to the next, which gets it as redelivered.
  await jsm.consumers.delete(advisoryStream, 'dead-letters')
  await jsm.consumers.add(advisoryStream, {
    durable_name: 'dead-letters',
    ack_policy: 'explicit',
    ack_wait: 200_000_000,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: seq,
  })
  const dying = await jetstream(raw).consumers.get(advisoryStream, 'dead-letters')
  expect((await dying.next({ expires: 5_000 }))?.seq).toBe(seq)
  const two = await driver()
  await two.subscribe(topic, rejects, { group: 'other' })
  await eventually(async () => {
    const { ack_floor: floor } = await jsm.consumers.info(advisoryStream, 'dead-letters')
    expect(floor.stream_seq).toBeGreaterThanOrEqual(seq)
  })
  expect(await letters(two, topic)).toHaveLength(1)
})

test('the consumers of others are left alone', async () => {
  const topic = `foreign.${randomUUID()}`
  const jsm = await jetstreamManager(raw)
  const one = await driver()
  await one.subscribe(topic, async () => undefined, { group: 'ours' })
  await jsm.consumers.add('foreign', {
    durable_name: 'theirs',
    ack_policy: 'explicit',
    max_deliver: 1,
    filter_subject: topic,
  })
  await one.publish(topic, [message(topic, 'x')])
  const advisories = async () => (await jsm.streams.info(advisoryStream)).state.messages
  const before = await advisories()
  const msg = await (await jetstream(raw).consumers.get('foreign', 'theirs')).next({ expires: 5_000 })
  msg?.term('theirs')
  await eventually(async () => {
    expect(await advisories()).toBeGreaterThan(before)
    const { num_pending: left, num_ack_pending: open } = await jsm.consumers.info(advisoryStream, 'dead-letters')
    expect(left + open).toBe(0)
  })
  expect(await letters(one, topic)).toEqual([])
})

test(
  'bug: nothing that NATS gave up became a dead letter once the stream of advisories had been deleted',
  { timeout: 60_000 },
  async () => {
    const topic = uniqueTopic()
    const one = await driver('&maxDeliver=2')
    await one.subscribe(topic, rejects, { group: 'billing', redeliveryDelayMs: 10 })
    const jsm = await jetstreamManager(raw)
    const created = async () => (await jsm.streams.info(advisoryStream)).created
    const consumers = async () => (await jsm.streams.info(advisoryStream)).state.consumer_count
    await eventually(async () => expect(await consumers()).toBe(1))
    const before = await created()
    await jsm.streams.delete(advisoryStream)
    await eventually(async () => expect(await created()).not.toBe(before))
    await eventually(async () => expect(await consumers()).toBe(1))
    await one.publish(topic, [message(topic, 'poison', { id: 'p-1' })])
    await eventually(async () => expect(await letters(one, topic)).toHaveLength(1))
  },
)

test('bug: what NATS said of a message of a deleted stream made a dead letter of another in the new one', async () => {
  const topic = uniqueTopic()
  const warnings: string[] = []
  const one = await openJetstream(`jetstream://${new URL(server.url).host}`, { warn: (text) => warnings.push(text) })
  keep(one)
  await one.subscribe(topic, async () => undefined, { group: 'billing' })
  await one.publish(topic, [message(topic, 'innocent', { id: 'i-1' })])
  const stream = await (await jetstreamManager(raw)).streams.find(topic)
  const [held] = await heldOf(one, topic)
  const advisory = {
    type: 'io.nats.jetstream.advisory.v1.max_deliver',
    timestamp: '2024-02-29T12:00:00Z',
    stream,
    consumer: durableName('billing', topic),
    stream_seq: held?.position?.offset,
    deliveries: 2,
  }
  raw.publish(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${advisory.consumer}`, JSON.stringify(advisory))
  await eventually(async () =>
    expect(warnings.join()).toContain(`message ${advisory.stream_seq} of the stream ${stream},`),
  )
  expect(await letters(one, topic)).toEqual([])
})

test('bug: what was read of a stream before it was made anew removed another message of the same sequence', async () => {
  const token = `letters-${randomUUID()}`
  const topic = `${token}.x`
  const one = await driver()
  await one.publish(topic, [message(topic, 'old', { id: 'old' })])
  const held = await heldOf(one, topic)
  const jsm = await jetstreamManager(raw)
  const { config } = await jsm.streams.info(token)
  await jsm.streams.delete(token)
  await one.browser?.remove(topic, held)
  await jsm.streams.add(config)
  await one.publish(topic, [message(topic, 'new', { id: 'new' })])
  await one.browser?.remove(topic, held)
  const left = await heldOf(one, topic)
  expect(left.map(({ id }) => id)).toEqual(['new'])
})

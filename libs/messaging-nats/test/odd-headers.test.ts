import { randomUUID } from 'node:crypto'
import { jetstreamManager } from '@nats-io/jetstream'
import { expect, test, vi } from 'vitest'
import { readEnvelope } from '@armature/messaging/dead-letter-envelope'
import { openJetstream } from '../src/jetstream-driver.ts'
import { bodyText, message } from '@armature/messaging/message'
import { wireHeaders } from '../src/codec.ts'
import { openNats } from '../src/driver.ts'
import type { Driver, SubscribeOptions } from '@armature/messaging/ports'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { driverUrl, keptDrivers, sharedNats } from './fixture.ts'

/** NATS carries them; the official client writes none of them, and reads no header of a message that has one. */
const oddHeaders = [{ 'a b': 'x' }, { '\u6587': 'x' }, { 'x\u0000y': 'x' }, { x: 'a\rb' }]
const oddBodies = oddHeaders.map((_, at) => `odd ${at}`)

const nats = sharedNats()
const keep = keptDrivers()

const jetstream = async (options = '') =>
  keep(await openJetstream(driverUrl('jetstream', nats.url, options), { warn: () => undefined }))

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 15_000, interval: 10 })

const uniqueTopic = () => `odd-${randomUUID()}.x`

const sendOdd = (topic: string) => {
  for (const [at, headers] of oddHeaders.entries())
    nats.raw.publish(topic, oddBodies[at], { headers: wireHeaders(headers) })
  return nats.raw.flush()
}

const heldOf = async (driver: Driver, topic: string): Promise<StoredMessage[]> => {
  const held: StoredMessage[] = []
  for await (const each of driver.browser?.browse(topic, { max: 100 }) ?? []) held.push(each)
  return held
}

const subscribers: [string, SubscribeOptions][] = [
  ['a group with serial', { group: 'g', serial: 'key' }],
  ['a group', { group: 'g' }],
  ['no group', {}],
]

test.each(subscribers)(
  'bug: a header that the client cannot read made %s deaf for all that followed',
  async (_, options) => {
    const topic = uniqueTopic()
    const driver = await jetstream()
    const seen: string[] = []
    await driver.subscribe(topic, async (each) => void seen.push(bodyText(each)), options)
    await sendOdd(topic)
    await driver.publish(topic, [message(topic, 'behind')])
    await eventually(() => expect(seen).toEqual([...oddBodies, 'behind']))
  },
)

test('a header that names another turn, as of a message that was copied, takes the turn from nobody', async () => {
  const topic = uniqueTopic()
  const driver = await jetstream()
  const seen: string[] = []
  await driver.subscribe(topic, async (each) => void seen.push(bodyText(each)), { group: 'g', serial: 'key' })
  for (let number = 0; number < 20; number++) {
    nats.raw.publish(topic, String(number), { headers: wireHeaders({ 'Nats-Pin-Id': `copied-${number}` }) })
  }
  await nats.raw.flush()
  await driver.publish(topic, [message(topic, 'behind')])
  await eventually(() => expect(seen).toHaveLength(21))
})

test('bug: a topic with an odd header could not be looked through, and what NATS gave up there became no dead letter', async () => {
  const topic = uniqueTopic()
  const driver = await jetstream('maxDeliver=1&ackWaitMs=1000')
  const rejects = async () => {
    throw new Error('never')
  }
  await driver.subscribe(topic, rejects, { group: 'g', redeliveryDelayMs: 10 })
  await sendOdd(topic)
  await eventually(async () => expect((await heldOf(driver, topic)).map(bodyText)).toEqual(oddBodies))
  await eventually(async () => expect(await heldOf(driver, `${topic}.DLT`)).toHaveLength(oddBodies.length))
  for (const letter of await heldOf(driver, `${topic}.DLT`)) {
    expect(readEnvelope(letter.headers)?.reason).toBe('max-deliveries')
    expect(letter.headers['dlt-raw-nats-headers']).toBeDefined()
  }
})

test('bug: an answer without a body and with an odd header made the one who asked deaf', async () => {
  const topic = uniqueTopic()
  const driver = keep(await openNats(driverUrl('nats', nats.url), { warn: () => undefined }))
  const odd = { headers: wireHeaders({ 'a b': 'x' }) }
  const answers = [
    { body: '', ...odd },
    { body: 'x', ...odd },
  ]
  const callback = (_: unknown, { reply = '' }: { reply?: string }) => {
    const { body, ...options } = answers.shift() ?? { body: 'whole' }
    nats.raw.publish(reply, body, options)
  }
  const subscription = nats.raw.subscribe(topic, { callback })
  await nats.raw.flush()
  const ask = () => driver.request(topic, message(topic, '?'))
  await expect(ask()).rejects.toMatchObject({ fault: 'failed' })
  await expect(ask()).rejects.toMatchObject({ fault: 'failed' })
  expect(bodyText(await ask())).toBe('whole')
  subscription.unsubscribe()
})

test('bug: somebody who answers what is published to a topic, with an odd header, made the publisher deaf', async () => {
  const topic = uniqueTopic()
  const driver = await jetstream('publishWaitMs=1000')
  const callback = (_: unknown, { reply = '' }: { reply?: string }) =>
    nats.raw.publish(reply, '', { headers: wireHeaders({ 'a b': 'x' }) })
  const subscription = nats.raw.subscribe(topic, { callback })
  await nats.raw.flush()
  // Without its stream, nobody else answers.
  await driver.publish(topic, [message(topic, 'x')])
  const jsm = await jetstreamManager(nats.raw)
  await jsm.streams.delete(await jsm.streams.find(topic))
  await driver.publish(topic, [message(topic, 'x')]).catch(() => undefined)
  const other = uniqueTopic()
  await driver.publish(other, [message(other, 'x')])
  expect(await heldOf(driver, other)).toHaveLength(1)
  subscription.unsubscribe()
})

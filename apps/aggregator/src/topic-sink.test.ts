import { systemClock } from '@armature/async/clock'
import { bodyText, message, type Message } from '@armature/messaging/message'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { PublishError } from '@armature/messaging/errors'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { expect, test, vi } from 'vitest'
import { settings } from './config.ts'
import { openSinkByUrl } from './open-sink.ts'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { createTopicSink } from './topic-sink.ts'
import { groupWriter } from './write-group.ts'

const items = (...messages: Message[]) => messages.map((one) => ({ message: one, correlationKey: 'k' }))

test('a batch is one publish; each message keeps its id, source, key, headers and body', async () => {
  const broker = memoryBroker()
  const driver = broker.connect()
  const publish = vi.spyOn(driver, 'publish')
  const got: Delivery[] = []
  await broker.connect().subscribe('out', async (delivery) => void got.push(delivery))
  const given = [1, 2, 3].map((n) =>
    message('in', `{"n":${n}}`, { id: `m${n}`, key: 'k', headers: { source: '/a', tenant: 'eu' } }),
  )
  expect(await createTopicSink(driver, 'out').write(items(...given))).toEqual(['written', 'written', 'written'])
  await vi.waitFor(() => expect(got).toHaveLength(3))
  expect(publish).toHaveBeenCalledTimes(1)
  expect(got.map(({ topic, id, key, headers }) => ({ topic, id, key, headers }))).toMatchObject(
    given.map(({ id, key, headers }) => ({ topic: 'out', id, key, headers })),
  )
  expect(got.map(bodyText)).toEqual(given.map(bodyText))
})

test('a message that the broker cannot take is rejected alone', async () => {
  const driver = memoryBroker({ maxMessageBytes: 1_024 }).connect()
  const outcomes = await createTopicSink(driver, 'out').write(
    items(message('in', 'a'), message('in', 'x'.repeat(2_000)), message('in', 'b')),
  )
  expect(outcomes).toMatchObject(['written', { rejected: 'refused-by-topic' }, 'written'])
})

test('a broker that is away or refuses for now costs no message', async () => {
  const driver: Driver = {
    ...memoryBroker().connect(),
    publish: (topic) => Promise.reject(new PublishError('full', { topic, fault: 'full' })),
    health: () => ({ lostMs: 5_000, unreadable: [] }),
  }
  const sink = createTopicSink(driver, 'out')
  await expect(sink.write(items(message('in', 'a')))).rejects.toThrow('full')
  await expect(sink.check()).rejects.toThrow('lost')
})

test('bug: messages that a silent broker did not confirm in time counted as refused', async () => {
  const driver: Driver = { ...memoryBroker().connect(), publish: () => new Promise(() => undefined) }
  const sink = createTopicSink(driver, 'out')
  const writer = groupWriter({
    sink,
    telemetry: testTelemetry(),
    clock: systemClock(),
    maxAttempts: 1,
    retryDelayMs: 1,
    writeTimeoutMs: 20,
    closing: new AbortController().signal,
    onAttempt: () => undefined,
  })
  const errors = await writer({ correlationKey: 'k', messages: [message('in', 'a')] })
  expect(errors.map((error) => error?.name)).toEqual(['RedeliverError'])
})

test.each([
  [{ sinkUrl: 'nats://h' }, /no topic is named/],
  [{ sinkUrl: 'nats://h', sinkTopic: 'a b' }, /SINK_TOPIC is no topic/],
  [{ sinkUrl: 'nats://h', sinkTopic: 'a.>' }, /SINK_TOPIC is no topic/],
  [{ sinkUrl: 'http://h/logs', sinkTopic: 'a' }, /the sink is no broker/],
])('%j', async (changes, problem) => {
  const given = { ...settings.parse(changes), sinkUrl: changes.sinkUrl }
  const openMessaging = () => Promise.reject(new Error('not asked'))
  await expect(openSinkByUrl(given, { clock: systemClock(), warn: () => undefined, openMessaging })).rejects.toThrow(
    problem,
  )
})

import { recordSpans, type SpanRecorder } from '@armature/telemetry/span-recorder'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { delivery } from '@armature/messaging/testing-delivery'
import { subscribeBatch } from '@armature/messaging/batch'
import type { Outcome } from '@armature/messaging/batches'
import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '../src/broker.ts'
import { message, type Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { traceBatches, tracedPublisher } from '@armature/messaging/trace'

let recorder: SpanRecorder
beforeEach(() => (recorder = recordSpans()))
afterEach(() => recorder.stop())

const named = (name: string) => recorder.spans().filter((span) => span.name === name)

describe('batches', () => {
  test('a batch is a span of its own, linked to where each message comes from; what is published from it is its child', async () => {
    const clock = drivenClock()
    const client = memoryBroker({ clock }).connect()
    const publisher = tracedPublisher(client, { system: 'memory' })
    const store = traceBatches({ system: 'memory', group: 'sinks' })(async (batch) => {
      await publisher.publish('stored', [message('stored', String(batch.length))])
      return batch.map((): Outcome => 'ok')
    })
    await subscribeBatch(client, 'orders', { count: 3, bytes: 1_000, periodMs: 1_000, clock }, store, {
      group: 'sinks',
    })
    for (const body of ['a', 'b', 'c']) await publisher.publish('orders', [message('orders', body)])
    await clock.advance(5_000)

    const sent = named('send orders')
    const [batch, ...others] = named('process orders')
    expect(sent).toHaveLength(3)
    expect(others).toEqual([])
    expect(batch?.parentId).toBeUndefined()
    expect(new Set(batch?.links)).toEqual(new Set(sent.map(({ traceId, spanId }) => ({ traceId, spanId }))))
    expect(batch?.attributes).toEqual({
      'messaging.system': 'memory',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'orders',
      'messaging.batch.message_count': 3,
      'messaging.consumer.group.name': 'sinks',
    })
    expect(named('send stored')).toMatchObject([{ parentId: batch?.spanId, traceId: batch?.traceId }])
  })

  test('of several topics it names none, and messages without a trace have no link', async () => {
    const handle = traceBatches({ system: 'amqp' })(async (batch) => batch.map((): Outcome => 'ok'))
    await handle([delivery({ topic: 'a' }), delivery({ topic: 'b', headers: { traceparent: 'nonsense' } })], 'count')
    expect(named('process')).toMatchObject([{ links: [], attributes: { 'messaging.system': 'rabbitmq' } }])
    expect(named('process')[0]?.attributes).not.toHaveProperty('messaging.destination.name')
  })

  test('it says how the first message failed that did, and passes on what the handler throws', async () => {
    const some = traceBatches({ system: 'memory' })(async () => ['ok', { error: new RangeError('no') }, { error: 'x' }])
    await some([delivery({ topic: 'a' })], 'count')
    expect(named('process a')[0]?.attributes['error.type']).toBe('RangeError')
    const thrower = traceBatches({ system: 'memory' })(() => Promise.reject(new Error('all of them')))
    await expect(thrower([delivery({ topic: 'b' })], 'count')).rejects.toThrow('all of them')
    expect(named('process b')[0]?.status).toMatchObject({ message: 'all of them' })
  })
})

test('a publish of messages that come from elsewhere is linked to where they come from', async () => {
  const sent: Message[] = []
  const publisher: Publisher = { publish: async (_, all) => void sent.push(...all), close: async () => undefined }
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  await tracedPublisher(publisher, { system: 'jetstream' }).publish('t', [
    message('t', 'x'),
    message('t', 'y', { headers: { traceparent } }),
  ])
  expect(named('send t')).toMatchObject([
    { links: [{ traceId, spanId: '00f067aa0ba902b7' }], attributes: { 'messaging.system': 'nats' } },
  ])
  expect(sent[1]?.headers['traceparent']).toBe(traceparent)
})

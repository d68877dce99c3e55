import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver } from '@armature/messaging/ports'
import { tracedPublisher } from '@armature/messaging/trace'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { openGrpcServer } from '@armature/service/grpc-server'
import { recordSpans } from '@armature/telemetry/span-recorder'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { settings } from '../src/config.ts'
import { on } from '@armature/messaging/on'
import { reactor } from '../src/service.ts'
import { boxService, callBox } from './grpc-call.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const brokers = [
  ['memory', undefined, 'memory', 'memory:'],
  ['kafka', 'kafka', 'kafka', 'kafka:'],
  ['RabbitMQ', 'rabbitmq', 'rabbitmq', 'amqp:'],
  ['JetStream', 'nats', 'nats', 'jetstream:'],
  ['Redis streams', 'redis', 'redis', 'redis-streams:'],
] as const

describe.each(brokers)('one trace over %s', (_, server, system, scheme) => {
  const opener = async (): Promise<() => Promise<Driver>> => {
    const broker = memoryBroker()
    if (server === undefined) return () => Promise.resolve(broker.connect())
    const url = (await serverUrl(server)).replace(/^[a-z-]+:/, scheme)
    return () => openDriver(url)
  }

  test.skipIf(server !== undefined && skipped(server))(
    'from a gRPC call through a publish to a handler, what it publishes, and the dead letter of that',
    async () => {
      const open = await opener()
      const recorder = recordSpans()
      ends.push(() => recorder.stop())
      const driver = await open()
      ends.push(() => driver.close())
      const publisher = tracedPublisher(driver, { system: driver.scheme })
      const topic = `orders.${uniqueName('trace')}`
      const next = `${topic}.paid`
      const { metrics } = testTelemetry('reactor')
      const service = reactor(
        settings.parse({ group: topic, drainDeadlineMs: 5_000 }),
        { telemetry: testTelemetry('reactor'), clock: systemClock(), openMessaging: open },
        () => [
          on(topic, { name: 'pay' }, async () => publisher.publish(next, [message(next, 'paid')])),
          on(next, { name: 'tell', retry: { maxAttempts: 1 } }, () => {
            throw new Error('no answer from amqp://user:canary@host/')
          }),
        ],
      )
      await service.start(new AbortController().signal)
      ends.push(() => service.close())
      const box = boxService(async (body) => publisher.publish(topic, [message(topic, body)]))
      const grpc = await openGrpcServer({ host: '127.0.0.1', port: 0, services: [box], metrics })
      ends.push(() => grpc.close())

      const [traceId, callerId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
      expect(await callBox(grpc.address, 'order', `00-${traceId}-${callerId}-01`)).toBe('0')
      const names = [`send ${topic}`, 'test.Box/Put', `send ${next}`, `process ${topic}`]
      const lastNames = [`send ${next}.DLT`, `process ${next}`]
      const all = [...names, ...lastNames]
      await vi.waitFor(() => expect(recorder.spans().map(({ name }) => name)).toEqual(expect.arrayContaining(all)), {
        timeout: 30_000,
      })
      const spans = recorder.spans()
      expect(spans).toHaveLength(all.length)
      expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))

      const called = (name: string) => spans.find((span) => span.name === name)
      const chain = ['test.Box/Put', `send ${topic}`, `process ${topic}`, `send ${next}`, `process ${next}`]
      let parentId: string | undefined = callerId
      for (const name of [...chain, `send ${next}.DLT`]) {
        expect(called(name)?.parentId, name).toBe(parentId)
        parentId = called(name)?.spanId
      }
      expect(called(`process ${topic}`)?.attributes).toMatchObject({
        'messaging.system': system,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': topic,
        'messaging.consumer.group.name': `${topic}.pay`,
      })
      expect(called(`send ${next}`)?.attributes).toMatchObject({
        'messaging.system': system,
        'messaging.operation.type': 'send',
      })
      expect(called(`process ${next}`)?.attributes['error.type']).toBe('dead-lettered')
      expect(JSON.stringify(spans)).not.toContain('canary')
    },
    serverDeadlineMs,
  )
})

import { jsonMessage } from '@armature/messaging/message'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test } from 'vitest'
import { createPublisherPart } from '../src/publisher-part.ts'

test('it publishes between its start and its close, and not before', async () => {
  const broker = memoryBroker()
  const part = createPublisherPart(() => Promise.resolve(broker.connect()), testTelemetry())
  const bodies: string[] = []
  await broker.connect().subscribe('orders', async ({ body }) => void bodies.push(Buffer.from(body).toString()))
  await expect(part.publish('orders', [jsonMessage('orders', 1)])).rejects.toThrow('before the start')
  await part.start()
  expect(part.notReady?.()).toEqual([])
  await part.publish('orders', [jsonMessage('orders', 2)])
  await expect.poll(() => bodies).toEqual(['2'])
  await part.close()
  await expect(part.publish('orders', [jsonMessage('orders', 3)])).rejects.toThrow(/closed/)
})

test('a stop in the start does not wait for a broker that is away', async () => {
  const part = createPublisherPart(() => new Promise(() => undefined), testTelemetry())
  const stopping = new AbortController()
  const started = part.start(stopping.signal)
  stopping.abort()
  await expect(started).rejects.toThrow('stopped while the broker was opened')
  await part.close()
})

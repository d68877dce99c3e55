import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type MsgHdrs } from '@nats-io/transport-node'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { createConsumer } from '@armature/consumer/consumer'
import { consumerSettings } from '@armature/consumer/consumer-settings'
import { message } from '@armature/messaging/message'
import { on } from '@armature/messaging/on'
import { openDriver } from '@armature/messaging-drivers/open'
import { nats } from '@armature/servers/nats'
import { createTelemetry } from '@armature/telemetry/telemetry'
import { arrivals, bodyOf, eventHeaders, throughRate, type Job } from './broker-job.ts'
import { compare, table } from './compare.ts'
import { nest } from './broker-nest.ts'
import { natsHeaders } from './broker-nats.ts'

const rounds = 5
const unsettled = 1_000
const settings = z.object({ ...commonSettings, ...messagingSettings, ...consumerSettings('bench') })

/** A service of one handler, as the reactor is, beside a bare subscriber of nats.js that decodes the same CloudEvent and acknowledges, and beside NestJS. */
export const reactor = async (): Promise<string> => {
  const server = await nats.start()
  try {
    const job = (messages: number): Job => ({
      url: server.url,
      topic: `bench-${randomUUID()}.events`,
      messages,
      bodyBytes: 200,
      atOnce: 100,
      callers: 1,
    })
    const stored = await compare(
      [
        { name: 'a handler of the reactor', run: () => consumeByHandler(job(60_000)) },
        { name: 'nats.js, decodes and acknowledges', run: () => consumeBare(job(60_000)) },
      ],
      rounds,
    )
    const passed = await compare(
      [
        { name: 'a handler of the reactor', run: () => passToHandler(job(30_000)) },
        { name: 'nats.js, decodes', run: () => passBare(job(30_000)) },
        { name: 'NestJS', run: () => nest('nats').through?.(job(30_000)) ?? Promise.resolve(NaN) },
      ],
      rounds,
    )
    return [
      table('JetStream: 60,000 stored messages of 200 B, handled and acknowledged', stored),
      table('NATS: 30,000 messages of 200 B, published and handled', passed),
    ].join('\n')
  } finally {
    await server.stop()
  }
}

/** The service; closed by the caller. */
const startHandler = async ({ url, topic }: Job, scheme: string, handle: () => void) => {
  const config = settings.parse({
    messagingUrl: url.replace(/^nats:/, `${scheme}:`),
    maxInFlight: unsettled,
    logLevel: 'warn',
  })
  const telemetry = createTelemetry({ service: 'bench', config })
  const service = createConsumer({
    name: 'bench',
    config,
    edges: { telemetry, openMessaging: () => openDriver(config.messagingUrl) },
    handlers: [on(topic, { name: 'count', from: 'earliest' }, handle)],
  })
  await service.start()
  return service
}

const fill = async ({ url, topic, messages }: Job, body: Uint8Array): Promise<void> => {
  const driver = await openDriver(url.replace(/^nats:/, 'jetstream:'))
  const together = 500
  for (let sent = 0; sent < messages; sent += together) {
    await driver.publish(
      topic,
      Array.from({ length: together }, () => message(topic, body)),
    )
  }
  await driver.close()
}

const consumeByHandler = async (job: Job): Promise<number> => {
  await fill(job, bodyOf(job))
  const { count, rate } = arrivals(job, 'handler')
  const service = await startHandler(job, 'jetstream', count)
  const result = await rate
  await service.finish?.()
  await service.close()
  await removeStream(job)
  return result
}

const consumeBare = async (job: Job): Promise<number> => {
  await fill(job, bodyOf(job))
  const { count, rate } = arrivals(job, 'nats.js')
  const connection = await connect({ servers: job.url })
  const manager = await jetstreamManager(connection)
  const stream = await manager.streams.find(job.topic)
  await manager.consumers.add(stream, {
    durable_name: 'bench',
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: unsettled,
    filter_subject: job.topic,
  })
  const consumer = await jetstream(connection).consumers.get(stream, 'bench')
  const messages = await consumer.consume({
    max_messages: unsettled,
    callback: (received) => {
      decoded(received.headers, received.data)
      received.ack()
      count()
    },
  })
  const result = await rate
  await messages.close()
  await connection.close()
  await removeStream(job)
  return result
}

const removeStream = async ({ url, topic }: Job): Promise<void> => {
  const connection = await connect({ servers: url })
  const manager = await jetstreamManager(connection)
  await manager.streams.delete(await manager.streams.find(topic))
  await connection.close()
}

const passToHandler = async (job: Job): Promise<number> => {
  const { count, rate } = arrivals(job, 'handler')
  const service = await startHandler(job, 'nats', count)
  const result = await publishedTo(job, rate)
  await service.finish?.()
  await service.close()
  return result
}

const passBare = async (job: Job): Promise<number> => {
  const { count, rate } = arrivals(job, 'nats.js')
  const connection = await connect({ servers: job.url })
  connection.subscribe(job.topic, {
    callback: (_, received) => {
      decoded(received.headers, received.data)
      count()
    },
  })
  await connection.flush()
  const result = await publishedTo(job, rate)
  await connection.close()
  return result
}

const publishedTo = async (job: Job, handled: Promise<unknown>): Promise<number> => {
  const connection = await connect({ servers: job.url })
  const body = bodyOf(job)
  const result = await throughRate(job, handled, async (calls) => {
    for (let sent = 0; sent < calls; sent += 1)
      connection.publish(job.topic, body, { headers: natsHeaders(job, randomUUID()) })
    await connection.flush()
  })
  await connection.close()
  return result
}

const required = Object.keys(eventHeaders({ topic: '' } as Job, '', '')).filter((name) => name !== 'time')

/** The CloudEvent of a message, as a program without a library reads it. Throws where an attribute is missing. */
const decoded = (headers: MsgHdrs | undefined, data: Uint8Array) => {
  const attributes: Record<string, string> = {}
  for (const [name, values] of headers ?? []) {
    if (name.toLowerCase().startsWith('ce-'))
      attributes[name.slice(3).toLowerCase()] = decodeURIComponent(values[0] ?? '')
  }
  for (const name of required) if (attributes[name] === undefined) throw new Error(`the message has no ${name}`)
  return { ...attributes, time: new Date(attributes['time'] ?? 0), data }
}

import { randomUUID } from 'node:crypto'
import { connect, headers } from '@nats-io/transport-node'
import { AckPolicy, jetstream, type JetStreamClient, jetstreamManager, StorageType } from '@nats-io/jetstream'
import {
  arrivals,
  bodyOf,
  eventHeaders,
  publishRate,
  throughRate,
  together,
  type Job,
  type Party,
} from './broker-job.ts'

/** The attributes of a CloudEvent as headers of NATS. */
export const natsHeaders = (job: Job, id: string) => {
  const all = headers()
  for (const [name, value] of Object.entries(eventHeaders(job, 'ce-', id))) all.set(name, value)
  return all
}

/** nats.js, without acknowledgement, flushed after each call. */
export const rawNats: Party = {
  name: 'nats.js',
  publish: async (job) => {
    const connection = await connect({ servers: job.url })
    const body = bodyOf(job)
    const rate = await publishRate(job, async (count) => {
      for (let sent = 0; sent < count; sent++)
        connection.publish(job.topic, body, { headers: natsHeaders(job, randomUUID()) })
      await connection.flush()
    })
    await connection.close()
    return rate
  },
  through: async (job) => {
    const connection = await connect({ servers: job.url })
    const body = bodyOf(job)
    const { count, rate } = arrivals(job, 'nats.js')
    connection.subscribe(job.topic, { callback: count })
    await connection.flush()
    const result = await throughRate(job, rate, async (calls) => {
      for (let sent = 0; sent < calls; sent++)
        connection.publish(job.topic, body, { headers: natsHeaders(job, randomUUID()) })
      await connection.flush()
    })
    await connection.close()
    return result
  },
}

const open = async ({ url, topic }: Job) => {
  const connection = await connect({ servers: url })
  const manager = await jetstreamManager(connection)
  const name = topic.replaceAll('.', '_')
  await manager.streams.add({ name, subjects: [topic], storage: StorageType.File })
  await manager.consumers.add(name, { durable_name: 'bench', ack_policy: AckPolicy.Explicit, max_ack_pending: 10_000 })
  const client = jetstream(connection)
  const close = async () => {
    await manager.streams.delete(name)
    await connection.close()
  }
  return { name, client, close }
}

const publishEvent = (client: JetStreamClient, job: Job, body: Uint8Array) => {
  const msgID = randomUUID()
  return client.publish(job.topic, body, { msgID, headers: natsHeaders(job, msgID) })
}

/** nats.js with JetStream: each message confirmed with its Nats-Msg-Id, each acknowledged. */
export const rawJetstream: Party = {
  name: 'nats.js, JetStream',
  publish: async (job) => {
    const { client, close } = await open(job)
    const body = bodyOf(job)
    const rate = await publishRate(job, (count) => together(count, () => publishEvent(client, job, body)))
    await close()
    return rate
  },
  consume: async (job) => {
    const { client, close, name } = await open(job)
    const body = bodyOf(job)
    await publishRate({ ...job, atOnce: 100 }, (count) => together(count, () => publishEvent(client, job, body)))
    const { count, rate } = arrivals(job, 'JetStream')
    const consumer = await client.consumers.get(name, 'bench')
    const messages = await consumer.consume({
      max_messages: job.atOnce,
      callback: (received) => {
        received.ack()
        count()
      },
    })
    const result = await rate
    await messages.close()
    await close()
    return result
  },
}

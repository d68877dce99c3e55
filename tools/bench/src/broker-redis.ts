import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
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

/** Pub/sub has no headers: attributes and body are one JSON text. */
const eventOf = (job: Job) =>
  JSON.stringify({ ...eventHeaders(job, '', randomUUID()), data_base64: bodyOf(job).toString('base64') })

/** ioredis, pub/sub: a publish is confirmed when the server answered. */
export const rawRedis: Party = {
  name: 'ioredis',
  publish: async (job) => {
    const client = new Redis(job.url)
    const rate = await publishRate(job, (count) => together(count, () => client.publish(job.topic, eventOf(job))))
    client.disconnect()
    return rate
  },
  through: async (job) => {
    const [publisher, subscriber] = [new Redis(job.url), new Redis(job.url)]
    const { count, rate } = arrivals(job, 'ioredis')
    subscriber.on('messageBuffer', count)
    await subscriber.subscribe(job.topic)
    const result = await throughRate(job, rate, (calls) =>
      together(calls, () => publisher.publish(job.topic, eventOf(job))),
    )
    publisher.disconnect()
    subscriber.disconnect()
    return result
  },
}

type Entries = [stream: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null

const withStream = async (job: Job, work: (client: Redis) => Promise<number>): Promise<number> => {
  const client = new Redis(job.url)
  await client.xgroup('CREATE', job.topic, 'bench', '$', 'MKSTREAM')
  try {
    return await work(client)
  } finally {
    await client.del(job.topic)
    client.disconnect()
  }
}

const fieldsOf = (job: Job) => Object.entries(eventHeaders(job, 'ce_', randomUUID())).flat()

const adder = (client: Redis, job: Job) => {
  const body = bodyOf(job)
  return (count: number) => together(count, () => client.xadd(job.topic, '*', ...fieldsOf(job), 'body', body))
}

/** ioredis, streams: XADD; XREADGROUP of as many as may be unsettled, acknowledged by one XACK. */
export const rawRedisStreams: Party = {
  name: 'ioredis, streams',
  publish: (job) => withStream(job, (client) => publishRate(job, adder(client, job))),
  consume: (job) =>
    withStream(job, async (client) => {
      await publishRate({ ...job, atOnce: 100 }, adder(client, job))
      const { count, rate } = arrivals(job, 'ioredis')
      for (let seen = 0; seen < job.messages;) {
        const read = await client.callBuffer(
          ...(['XREADGROUP', 'GROUP', 'bench', 'me', 'COUNT', String(job.atOnce), 'STREAMS', job.topic, '>'] as const),
        )
        const entries = (read as Entries)?.[0]?.[1] ?? []
        for (let index = 0; index < entries.length; index++) count()
        seen += entries.length
        await client.xack(job.topic, 'bench', ...entries.map(([id]) => id))
      }
      return rate
    }),
}

import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Consumer as PlatformConsumer, Producer as PlatformProducer } from '@platformatic/kafka'
import { Kafka, logLevel, type Message, type Producer } from 'kafkajs'
import { arrivals, bodyOf, eventHeaders, publishRate, type Job, type Party } from './broker-job.ts'

const brokersOf = ({ url }: Pick<Job, 'url'>) => [new URL(url).host]
const clientOf = (job: Pick<Job, 'url'>) =>
  new Kafka({ brokers: brokersOf(job), clientId: 'bench', logLevel: logLevel.NOTHING })

/** The number of partitions, the same for all contenders. */
export const partitions = 1

const leaderDeadlineMs = 30_000
const leaderCheckMs = 50

/** Makes the topic; the answer removes it. */
export const createTopic = async (job: Pick<Job, 'url' | 'topic'>): Promise<() => Promise<void>> => {
  const admin = clientOf(job).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: job.topic, numPartitions: partitions }], waitForLeaders: false })
  // With `waitForLeaders` it rejects where the broker does not know the topic yet.
  for (const untilMs = performance.now() + leaderDeadlineMs; ; await setTimeout(leaderCheckMs)) {
    try {
      await admin.fetchTopicOffsets(job.topic)
      break
    } catch (error) {
      if (performance.now() > untilMs) throw error
    }
  }
  return async () => {
    await admin.deleteTopics({ topics: [job.topic] })
    await admin.disconnect()
  }
}

/** How many messages the topic holds. */
export const heldMessages = async ({ url, topic }: Pick<Job, 'url' | 'topic'>): Promise<number> => {
  const admin = clientOf({ url }).admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
}

const kafkaHeaders = (job: Job) => eventHeaders(job, 'ce_', randomUUID())

const bytesOf = (headers: Record<string, string>) =>
  new Map(Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))

const producerSender = (producer: Producer, job: Job) => {
  const value = bodyOf(job)
  return (count: number) =>
    producer.send({
      topic: job.topic,
      acks: -1,
      messages: Array.from({ length: count }, (): Message => ({ value, headers: kafkaHeaders(job) })),
    })
}

const fill = async (job: Job) => {
  const producer = clientOf(job).producer({ idempotent: true })
  await producer.connect()
  await publishRate({ ...job, atOnce: 100 }, producerSender(producer, job))
  await producer.disconnect()
}

/** kafkajs: idempotent producer, acks all; offsets resolved message by message and committed once a second. */
export const rawKafkajs: Party = {
  name: 'kafkajs',
  publish: async (job) => {
    const remove = await createTopic(job)
    const producer = clientOf(job).producer({ idempotent: true })
    await producer.connect()
    const rate = await publishRate(job, producerSender(producer, job))
    await producer.disconnect()
    await remove()
    return rate
  },
  consume: async (job) => {
    const remove = await createTopic(job)
    await fill(job)
    const { count, rate } = arrivals(job, 'kafkajs')
    const consumer = clientOf(job).consumer({ groupId: `bench-${job.topic}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: job.topic, fromBeginning: true })
    await consumer.run({ autoCommitInterval: 1_000, eachMessage: async () => count() })
    const result = await rate
    await consumer.disconnect()
    await remove()
    return result
  },
}

/** @platformatic/kafka: idempotent producer, acks all; a stream that commits once a second. */
export const platformaticKafka: Party = {
  name: '@platformatic/kafka',
  publish: async (job) => {
    const remove = await createTopic(job)
    const producer = new PlatformProducer({ clientId: 'bench', bootstrapBrokers: brokersOf(job), idempotent: true })
    const value = bodyOf(job)
    const rate = await publishRate(job, (count) =>
      producer.send({
        acks: -1,
        messages: Array.from({ length: count }, () => ({
          topic: job.topic,
          value,
          headers: bytesOf(kafkaHeaders(job)),
        })),
      }),
    )
    await producer.close()
    await remove()
    return rate
  },
  consume: async (job) => {
    const remove = await createTopic(job)
    await fill(job)
    const { count, rate } = arrivals(job, '@platformatic/kafka')
    const consumer = new PlatformConsumer({
      clientId: 'bench',
      groupId: `bench-${job.topic}`,
      bootstrapBrokers: brokersOf(job),
    })
    const stream = await consumer.consume({
      topics: [job.topic],
      mode: 'earliest',
      autocommit: 1_000,
      maxWaitTime: 100,
    })
    stream.on('data', count)
    const result = await rate
    await stream.close()
    await consumer.close()
    await remove()
    return result
  },
}

/** kcat, the process from its start to its end: acks all; read without a group. */
export const kcatParty = (kcat: string): Party => ({
  name: 'kcat (its whole process)',
  publish: async (job) => {
    const remove = await createTopic(job)
    const lines = `${'x'.repeat(job.bodyBytes)}\n`.repeat(job.messages)
    const startMs = performance.now()
    await runKcat(kcat, ['-P', '-b', brokersOf(job)[0] ?? '', '-t', job.topic, '-X', 'acks=all'], lines)
    const seconds = (performance.now() - startMs) / 1_000
    await remove()
    return job.messages / seconds
  },
  consume: async (job) => {
    const remove = await createTopic(job)
    await fill(job)
    const startMs = performance.now()
    await runKcat(kcat, ['-C', '-b', brokersOf(job)[0] ?? '', '-t', job.topic, '-c', String(job.messages), '-q'], '')
    const seconds = (performance.now() - startMs) / 1_000
    await remove()
    return job.messages / seconds
  },
})

const runKcat = async (kcat: string, args: readonly string[], input: string): Promise<void> => {
  const { spawn } = await import('node:child_process')
  const child = spawn(kcat, args, { stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin.end(input)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('error', reject)
  child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`kcat ended with code ${code}`))))
  await promise
}

import { randomUUID } from 'node:crypto'
import { connect, type ConfirmChannel } from 'amqplib'
import { Connection } from 'rabbitmq-client'
import { arrivals, bodyOf, eventHeaders, publishRate, together, type Job, type Party } from './broker-job.ts'

const queueArguments = { 'x-queue-type': 'quorum' } as const

const amqpHeaders = (job: Job) => eventHeaders(job, 'cloudEvents_', randomUUID())

const withAmqplib = async (job: Job, work: (channel: ConfirmChannel) => Promise<number>): Promise<number> => {
  const connection = await connect(job.url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(job.topic, { durable: true, arguments: queueArguments })
  try {
    return await work(channel)
  } finally {
    await channel.deleteQueue(job.topic)
    await connection.close()
  }
}

const amqplibSender = (channel: ConfirmChannel, job: Job) => {
  const body = bodyOf(job)
  return async (count: number) => {
    for (let sent = 0; sent < count; sent++) {
      channel.sendToQueue(job.topic, body, { persistent: true, headers: amqpHeaders(job) })
    }
    await channel.waitForConfirms()
  }
}

/** amqplib: a confirm channel to a durable quorum queue, each message acknowledged. */
export const rawAmqplib: Party = {
  name: 'amqplib',
  publish: (job) => withAmqplib(job, (channel) => publishRate(job, amqplibSender(channel, job))),
  consume: (job) =>
    withAmqplib(job, async (channel) => {
      await publishRate({ ...job, atOnce: 100 }, amqplibSender(channel, job))
      const { count, rate } = arrivals(job, 'amqplib')
      await channel.prefetch(job.atOnce)
      await channel.consume(job.topic, (received) => {
        if (received === null) return
        channel.ack(received)
        count()
      })
      return rate
    }),
}

/** RabbitMQ's own user where the URL names none, as amqplib has it. */
const withUser = (given: string): string => {
  const url = new URL(given)
  url.username ||= 'guest'
  url.password ||= 'guest'
  return url.href
}

/** rabbitmq-client: the same with its publisher and its consumer, which acknowledges when the handler resolved. */
export const rawRabbitmqClient: Party = {
  name: 'rabbitmq-client',
  publish: async (job) => {
    const connection = new Connection(withUser(job.url))
    await connection.queueDeclare({ queue: job.topic, durable: true, arguments: queueArguments })
    const publisher = connection.createPublisher({ confirm: true })
    const body = bodyOf(job)
    const rate = await publishRate(job, (count) =>
      together(count, () => publisher.send({ routingKey: job.topic, durable: true, headers: amqpHeaders(job) }, body)),
    )
    await publisher.close()
    await connection.queueDelete(job.topic)
    await connection.close()
    return rate
  },
  consume: async (job) => {
    const connection = new Connection(withUser(job.url))
    await connection.queueDeclare({ queue: job.topic, durable: true, arguments: queueArguments })
    const publisher = connection.createPublisher({ confirm: true })
    const body = bodyOf(job)
    await publishRate({ ...job, atOnce: 100 }, (count) =>
      together(count, () => publisher.send({ routingKey: job.topic, durable: true, headers: amqpHeaders(job) }, body)),
    )
    const { count, rate } = arrivals(job, 'rabbitmq-client')
    const consumer = connection.createConsumer(
      {
        queue: job.topic,
        queueOptions: { durable: true, arguments: queueArguments },
        qos: { prefetchCount: job.atOnce },
      },
      async () => count(),
    )
    const result = await rate
    await consumer.close()
    await publisher.close()
    await connection.queueDelete(job.topic)
    await connection.close()
    return result
  },
}

import type { MicroserviceOptions } from '@nestjs/microservices'
import { createTopic } from './broker-kafka.ts'
import { arrivals, bodyOf, throughRate, together, type Job, type Party } from './broker-job.ts'

type Transporter = 'nats' | 'amqp' | 'kafka' | 'redis'

const optionsOf = async (
  transporter: Transporter,
  { url, topic }: Job,
  role: 'client' | 'server',
): Promise<MicroserviceOptions> => {
  const { Transport } = await import('@nestjs/microservices')
  const { host, hostname, port } = new URL(url)
  switch (transporter) {
    case 'nats':
      return { transport: Transport.NATS, options: { servers: [url], queue: 'bench' } }
    case 'amqp':
      return {
        transport: Transport.RMQ,
        options: {
          urls: [url],
          queue: topic,
          queueOptions: { durable: true, arguments: { 'x-queue-type': 'quorum' } },
          prefetchCount: 1_000,
          // The client's own queue of replies cannot be acknowledged.
          noAck: role === 'client',
          persistent: true,
        },
      }
    case 'kafka':
      return {
        transport: Transport.KAFKA,
        options: {
          client: { clientId: 'bench', brokers: [host], logLevel: 0 },
          consumer: { groupId: `bench-${topic}`, maxWaitTimeInMs: 100 },
          producer: { idempotent: true },
          producerOnlyMode: false,
        },
      }
    case 'redis':
      return { transport: Transport.REDIS, options: { host: hostname, port: Number(port) } }
  }
}

/** @nestjs/microservices: events by `emit`, with the acknowledgement that its transport has (RabbitMQ: by the handler; Kafka: auto-commit). */
export const nest = (transporter: Transporter): Party => ({
  name: `@nestjs/microservices, ${transporter}`,
  through: async (job) => {
    await import('reflect-metadata')
    const { Controller, Module } = await import('@nestjs/common')
    const { NestFactory } = await import('@nestjs/core')
    const { ClientProxyFactory, EventPattern } = await import('@nestjs/microservices')
    const { lastValueFrom } = await import('rxjs')
    const { count, rate } = arrivals(job, 'NestJS')
    class BenchController {
      handle(_body: unknown, context: { getChannelRef?(): Channel; getMessage?(): object }) {
        if (transporter === 'amqp') context.getChannelRef?.().ack(context.getMessage?.() ?? {})
        count()
      }
    }
    class BenchModule {}
    // The decorators of NestJS, applied by hand: type stripping has none.
    const descriptor = Object.getOwnPropertyDescriptor(BenchController.prototype, 'handle')
    if (descriptor === undefined) throw new Error('no handler')
    EventPattern(job.topic)(BenchController.prototype, 'handle', descriptor)
    const { Ctx, Payload } = await import('@nestjs/microservices')
    Payload()(BenchController.prototype, 'handle', 0)
    Ctx()(BenchController.prototype, 'handle', 1)
    Controller()(BenchController)
    Module({ controllers: [BenchController] })(BenchModule)
    // NestJS loads it by itself.
    if (transporter === 'amqp') await import('amqp-connection-manager')
    const remove = transporter === 'kafka' ? await createTopic(job) : undefined
    const options = await optionsOf(transporter, job, 'server')
    const clientOptions = await optionsOf(transporter, job, 'client')
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(BenchModule, { ...options, logger: false })
    await app.listen()
    const client = ClientProxyFactory.create(clientOptions as Parameters<typeof ClientProxyFactory.create>[0])
    await client.connect()
    // Bodies are JSON in NestJS.
    const body = bodyOf(job).toString()
    const emit = () => lastValueFrom(client.emit(job.topic, body), { defaultValue: undefined })
    const result = await throughRate(job, rate, (calls) => together(calls, emit))
    await client.close()
    await app.close()
    await remove?.()
    return result
  },
})

interface Channel {
  ack(message: object): void
}

import { Admin, ProduceAcks, Producer } from '@platformatic/kafka'
import { connect } from 'amqplib'

interface Source {
  readonly brokerUrl: string
  readonly source: string
}

const perCall = 1_000

/** A log line of 214 B, with an id. */
const lineOf = (number: number) => {
  const line = { id: `line-${number}`, level: 'info', time: '2026-01-01T00:00:00.000Z', service: 'bench', msg: '' }
  return JSON.stringify({ ...line, msg: 'x'.repeat(214 - JSON.stringify(line).length) })
}

const calls = function* (count: number): Generator<{ readonly id: string; readonly body: Buffer }[]> {
  for (let from = 0; from < count; from += perCall) {
    const size = Math.min(perCall, count - from)
    yield Array.from({ length: size }, (_, index) => ({
      id: `line-${from + index}`,
      body: Buffer.from(lineOf(from + index)),
    }))
  }
}

/** Publishes as any program does: to the default exchange, persistent, into a durable queue. */
export const fillRabbitmq = async ({ brokerUrl, source }: Source, count: number): Promise<void> => {
  const connection = await connect(brokerUrl)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(source, { durable: true })
  for (const messages of calls(count)) {
    for (const { id, body } of messages)
      channel.sendToQueue(source, body, { persistent: true, messageId: id, contentType: 'application/json' })
    await channel.waitForConfirms()
  }
  await connection.close()
}

/** One partition. Not by kafkajs, which sets negative timeouts: Node warns of each. */
export const fillKafka = async ({ brokerUrl, source }: Source, count: number): Promise<void> => {
  const options = { clientId: 'bench', bootstrapBrokers: [new URL(brokerUrl).host] }
  const admin = new Admin(options)
  await admin.createTopics({ topics: [source], partitions: 1, replicas: 1 })
  await admin.close()
  const producer = new Producer(options)
  for (const messages of calls(count))
    await producer.send({
      acks: ProduceAcks.ALL,
      messages: messages.map(({ body }) => ({ topic: source, value: body })),
    })
  await producer.close()
}

import { fileURLToPath } from 'node:url'
import { message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { pythonPika } from '@armature/servers/clients'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { freePort } from '@armature/servers/free-port'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { searchEvents } from './search.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const members = 5
const count = 40
const perBatch = 10

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Member {
  readonly program: Program
  readonly metricsUrl: string
}

const startMember = async (env: Record<string, string>): Promise<Member> => {
  const port = await freePort()
  const program = startProgram(process.execPath, [main], {
    env: { ...process.env, STATSD_PORT: '0', HTTP_PORT: String(port), ...env },
  })
  ends.push(() => program.kill())
  return { program, metricsUrl: `http://127.0.0.1:${port}/metrics` }
}

/** How many batches the member completed, and how many messages were in them. */
const batchesOf = async ({ metricsUrl }: Member): Promise<Batches> => {
  const text = await (await fetch(metricsUrl)).text()
  const total = (suffix: string) =>
    [...text.matchAll(new RegExp(`^batch_events\\w*_${suffix}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    )
  return { batches: total('count'), events: total('sum') }
}

interface Batches {
  readonly batches: number
  readonly events: number
}

const textsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `task ${from + n}`)

/** As in RabbitMQ's tutorial of work queues: to the default exchange by the name of the queue, no headers of CloudEvents, no id. */
const publishByPika = async (url: string, queue: string, texts: readonly string[]): Promise<void> => {
  const script = `
import pika
connection = pika.BlockingConnection(pika.URLParameters('${url}'))
channel = connection.channel()
channel.queue_declare(queue='${queue}', durable=True)
channel.confirm_delivery()
for text in ${JSON.stringify(texts)}:
  channel.basic_publish(exchange='', routing_key='${queue}', body=text,
    properties=pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent), mandatory=True)
connection.close()`
  await execute(await pythonPika(), ['-c', script], { deadlineMs: serverDeadlineMs, env: process.env })
}

const publishByDriver = async (url: string, topic: string, texts: readonly string[]): Promise<void> => {
  const driver = await openDriver(url)
  ends.push(() => driver.close())
  await driver.publish(
    topic,
    texts.map((text) => message(topic, text)),
  )
}

const jetstreamOf = (url: string) => url.replace(/^nats:/, 'jetstream:')

const brokers = [
  {
    broker: 'rabbitmq',
    topicOf: () => 'task_queue',
    urlOf: (url: string, topic: string) => `${url}?queue=${topic}`,
    publish: publishByPika,
    /** It gives messages to those in turn who wait. */
    shares: Array.from({ length: members }, () => count / members),
  },
  {
    broker: 'kafka',
    topicOf: () => uniqueName('task_queue'),
    urlOf: (url: string) => url,
    publish: publishByDriver,
    shares: undefined,
  },
  {
    broker: 'nats',
    topicOf: () => uniqueName('task_queue'),
    urlOf: jetstreamOf,
    publish: (url: string, ...rest: [string, readonly string[]]) => publishByDriver(jetstreamOf(url), ...rest),
    shares: undefined,
  },
] as const

/** Messages lie there while members have full batches: each batch but the last of each member is full. */
const more = 400

describe.each(brokers)('$broker', ({ broker, topicOf, urlOf, publish, shares }) => {
  test.skipIf(skipped(broker) || skipped('opensearch'))(
    'five aggregators of one group: 40 messages are 40 documents, each once; batches are even, and full while messages last',
    async () => {
      const [given, search] = [await serverUrl(broker), await serverUrl('opensearch')]
      const topic = topicOf()
      const index = uniqueName('tasks')
      const env = {
        MESSAGING_URL: urlOf(given, topic),
        SINK_URL: `${search.replace(/\/$/, '')}/${index}-%Y.%m.%d`,
        TOPIC: topic,
        GROUP: uniqueName('indexers'),
        COMPLETE_COUNT: String(perBatch),
        COMPLETE_PERIOD_MS: '5000',
        MAX_IN_FLIGHT: String(perBatch),
      }
      const group = await Promise.all(Array.from({ length: members }, () => startMember(env)))
      for (const { program } of group) await program.until(/waits for messages/, 120_000)
      const found = () => searchEvents(search, `${index}-*`, topic)
      const expectDocuments = async (total: number) => {
        await vi.waitFor(async () => expect(await found()).toHaveLength(total), { timeout: 60_000, interval: 200 })
        const documents = await found()
        expect(documents.map(({ text }) => text).toSorted()).toEqual(textsOf(0, total).toSorted())
        expect(new Set(documents.map(({ documentId }) => documentId)).size).toBe(total)
      }
      const batchesOfAll = () => Promise.all(group.map(batchesOf))

      await publish(given, topic, textsOf(0, count))
      await expectDocuments(count)
      const first = await batchesOfAll()
      expect(first.reduce((sum, { events }) => sum + events, 0)).toBe(count)
      for (const one of first) expect(one.batches).toBe(Math.ceil(one.events / perBatch))
      if (shares !== undefined) expect(first.map(({ events }) => events)).toEqual(shares)

      await publish(given, topic, textsOf(count, count + more))
      await expectDocuments(count + more)
      const all = await batchesOfAll()
      for (const [member, { events, batches }] of all.entries()) {
        const before = first[member] ?? { events: 0, batches: 0 }
        expect(batches - before.batches).toBe(Math.ceil((events - before.events) / perBatch))
      }
      for (const { program } of group) program.signal('SIGTERM')
      for (const { program } of group) expect(await program.ended()).toEqual({ code: 0, signal: null })
    },
    serverDeadlineMs,
  )
})

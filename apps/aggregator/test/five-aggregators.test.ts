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
const batchesOf = async ({ metricsUrl }: Member): Promise<{ batches: number; events: number }> => {
  const text = await (await fetch(metricsUrl)).text()
  const total = (suffix: string) =>
    [...text.matchAll(new RegExp(`^batch_events\\w*_${suffix}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    )
  return { batches: total('count'), events: total('sum') }
}

const texts = Array.from({ length: count }, (_, n) => `task ${n}`)

/** By a program that knows the broker alone: no headers of CloudEvents, no id. */
const publishByPika = async (url: string, topic: string): Promise<void> => {
  const script = `
import pika
connection = pika.BlockingConnection(pika.URLParameters('${url}'))
channel = connection.channel()
channel.confirm_delivery()
for text in ${JSON.stringify(texts)}:
  channel.basic_publish('armature', '${topic}', text.encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
connection.close()`
  await execute(await pythonPika(), ['-c', script], { deadlineMs: serverDeadlineMs, env: process.env })
}

const publishByDriver = async (url: string, topic: string): Promise<void> => {
  const driver = await openDriver(url)
  ends.push(() => driver.close())
  await driver.publish(
    topic,
    texts.map((text) => message(topic, text)),
  )
}

const brokers = [
  { broker: 'rabbitmq', topicOf: () => 'task_queue', publish: publishByPika },
  { broker: 'kafka', topicOf: () => uniqueName('task_queue'), publish: publishByDriver },
  { broker: 'nats', topicOf: () => uniqueName('task_queue'), publish: publishByDriver },
] as const

describe.each(brokers)('$broker', ({ broker, topicOf, publish }) => {
  test.skipIf(skipped(broker) || skipped('opensearch'))(
    'five aggregators of one group: 40 messages are 40 documents, each once, in batches that are full while messages last',
    async () => {
      const [given, search] = [await serverUrl(broker), await serverUrl('opensearch')]
      const messagingUrl = broker === 'nats' ? given.replace(/^nats:/, 'jetstream:') : given
      const topic = topicOf()
      const index = uniqueName('tasks')
      const env = {
        MESSAGING_URL: messagingUrl,
        SINK_URL: `${search.replace(/\/$/, '')}/${index}-%Y.%m.%d`,
        TOPIC: topic,
        GROUP: uniqueName('indexers'),
        COMPLETE_COUNT: String(perBatch),
        MAX_IN_FLIGHT: String(perBatch),
      }
      const group = await Promise.all(Array.from({ length: members }, () => startMember(env)))
      for (const { program } of group) await program.until(/waits for messages/, 120_000)
      await publish(given, topic)
      const found = () => searchEvents(search, `${index}-*`, topic)
      await vi.waitFor(async () => expect(await found()).toHaveLength(count), { timeout: 60_000, interval: 200 })
      const documents = await found()
      expect(documents.map(({ text }) => text).toSorted()).toEqual(texts.toSorted())
      expect(new Set(documents.map(({ documentId }) => documentId)).size).toBe(count)
      const batches = await Promise.all(group.map(batchesOf))
      expect(batches.reduce((sum, { events }) => sum + events, 0)).toBe(count)
      for (const one of batches) expect(one.batches).toBe(Math.ceil(one.events / perBatch))
      for (const { program } of group) program.signal('SIGTERM')
      for (const { program } of group) expect(await program.ended()).toEqual({ code: 0, signal: null })
    },
    serverDeadlineMs,
  )
})

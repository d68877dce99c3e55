import { fileURLToPath } from 'node:url'
import { ownDatabase } from '@armature/database/testing-own-database'
import { jsonMessage } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, describe, expect, test, vi } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const messages = 2_000
const perPublish = 100

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const startAggregator = (env: Record<string, string>): Program => {
  const program = startProgram(process.execPath, [main], { env: { ...process.env, STATSD_PORT: '0', ...env } })
  ends.push(() => program.kill())
  return program
}

const brokers = ['kafka', 'rabbitmq'] as const

describe.each(brokers)('%s', (broker) => {
  test.skipIf(skipped(broker) || skipped('postgres'))(
    'messages become rows by batches; killed in the middle and started again, none is missing and none is there twice',
    async () => {
      const messagingUrl = await serverUrl(broker)
      const { url, database, drop } = await ownDatabase(await serverUrl('postgres'), uniqueName('aggregator'))
      ends.push(drop)
      const topic = `logs.${uniqueName('batch')}`
      const env = {
        MESSAGING_URL: messagingUrl,
        DATABASE_URL: url,
        TOPIC: topic,
        GROUP: topic,
        COMPLETE_COUNT: '100',
      }
      const first = startAggregator(env)
      await first.until(/waits for messages/)
      const driver = await openDriver(messagingUrl)
      ends.push(() => driver.close())
      const publish = async (from: number, to: number) => {
        for (let next = from; next < to; next += perPublish) {
          const batch = Array.from({ length: perPublish }, (_, index) => jsonMessage(topic, { n: next + index }))
          await driver.publish(topic, batch)
        }
      }
      const stored = async () => {
        const { rows } = await database.query<{ rows: string; distinct: string; writes: string }>(
          `select count(*) as rows, count(distinct body->>'n') as distinct, count(distinct received_at) as writes from event`,
        )
        return { rows: Number(rows[0]?.rows), distinct: Number(rows[0]?.distinct), writes: Number(rows[0]?.writes) }
      }
      await publish(0, messages / 2)
      await vi.waitFor(async () => expect((await stored()).rows).toBeGreaterThan(0), { timeout: 30_000 })
      first.signal('SIGKILL')
      await first.ended()
      await publish(messages / 2, messages)
      const second = startAggregator(env)
      await vi.waitFor(async () => expect(await stored()).toMatchObject({ rows: messages, distinct: messages }), {
        timeout: 60_000,
        interval: 100,
      })
      expect((await stored()).writes).toBeLessThan(messages / 10)
      second.signal('SIGTERM')
      expect(await second.ended()).toEqual({ code: 0, signal: null })
    },
    serverDeadlineMs,
  )
})

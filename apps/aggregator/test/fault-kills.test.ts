import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@armature/async/random'
import { message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BulkServer, startBulkServer } from './bulk-server.ts'
import { failByChance } from './failing-bulk.ts'
import { fileIds } from './file-ids.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const count = 200

let server: BulkServer
const ends: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  server = await startBulkServer()
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await server.close()
})

const ids = Array.from({ length: count }, (_, n) => `m${n}`)
const start = (messagingUrl: string, topic: string, sinkUrl = `${server.url}/logs`): Program => {
  const program = startProgram(process.execPath, [main], {
    env: {
      ...process.env,
      STATSD_PORT: '0',
      HTTP_PORT: '0',
      MESSAGING_URL: messagingUrl,
      SINK_URL: sinkUrl,
      TOPIC: topic,
      GROUP: topic.replaceAll('.', '-'),
      COMPLETE_COUNT: '10',
      COMPLETE_PERIOD_MS: '100',
      WRITE_RETRY_DELAY_MS: '20',
      MAX_WRITE_ATTEMPTS: '8',
    },
  })
  ends.push(() => program.kill())
  return program
}
const expectAll = () =>
  vi.waitFor(() => expect([...server.documents.keys()].toSorted()).toEqual(ids.toSorted()), {
    timeout: 90_000,
    interval: 100,
  })
const publish = async (url: string, topic: string) => {
  const driver = await openDriver(url)
  ends.push(() => driver.close())
  await driver.publish(
    topic,
    ids.map((id) => message(topic, `{"id":"${id}"}`, { id })),
  )
}

describe.skipIf(skipped('nats'))('processes of their own', () => {
  test.each([
    [1, 'before the write'],
    [2, 'after the write, before the ack'],
    [3, 'after the write, before the ack'],
    [4, 'before the write'],
  ])(
    'FAULTS 2: seed %i: SIGKILL %s: none is lost and none is there twice',
    async (seed, where) => {
      const random = seededRandom(seed)
      const url = (await serverUrl('nats')).replace(/^nats:/, 'jetstream:')
      const topic = `logs.${uniqueName('kills')}`
      const killAt = 2 + Math.floor(random.next() * 12)
      let program = start(url, topic)
      await program.until(/waits for messages/, 60_000)
      let writes = 0
      const kill = () => program.signal('SIGKILL')
      server.onRequest = (actions, response) => {
        if (actions.some(({ operation }) => operation === 'create')) writes += 1
        if (writes !== killAt || where !== 'before the write') return false
        kill()
        response.destroy()
        return true
      }
      server.onAnswer = (body) => {
        if (writes === killAt && where !== 'before the write') kill()
        return body
      }
      await publish(url, topic)
      expect(await program.ended(60_000)).toEqual({ code: null, signal: 'SIGKILL' })
      failByChance(server, random, { requests: 0.1, items: 0.01 }, new Set())
      // A start that the failing index refuses is tried again, as a supervisor does.
      for (let tries = 0; tries < 20; tries += 1) {
        program = start(url, topic)
        if (
          await program.until(/waits for messages/, 60_000).then(
            () => true,
            () => false,
          )
        )
          break
      }
      await expectAll()
      const sent = server.requests.flat().length
      expect(sent).toBeGreaterThanOrEqual(count)
    },
    serverDeadlineMs,
  )

  test.each([21, 22])(
    'FAULTS 2: seed %i: SIGKILL while it writes files: no line is lost, and each line is whole',
    async (seed) => {
      const random = seededRandom(seed)
      const url = (await serverUrl('nats')).replace(/^nats:/, 'jetstream:')
      const topic = `logs.${uniqueName('kills')}`
      const folder = mkdtempSync(join(tmpdir(), 'aggregator-kills-'))
      ends.push(async () => rmSync(folder, { recursive: true, force: true }))
      const sinkUrl = `file://${folder}?rotateBytes=4000`
      const killAt = 1 + Math.floor(random.next() * 100)
      const first = start(url, topic, sinkUrl)
      await first.until(/waits for messages/, 60_000)
      await publish(url, topic)
      await vi.waitFor(() => expect(fileIds(folder).length).toBeGreaterThanOrEqual(killAt), {
        timeout: 60_000,
        interval: 1,
      })
      first.signal('SIGKILL')
      await first.ended(60_000)
      const second = start(url, topic, sinkUrl)
      await second.until(/waits for messages/, 60_000)
      await vi.waitFor(() => expect([...new Set(fileIds(folder))].toSorted()).toEqual(ids.toSorted()), {
        timeout: 90_000,
        interval: 100,
      })
      second.signal('SIGTERM')
      expect(await second.ended(60_000)).toMatchObject({ code: 0 })
      expect(readdirSync(folder).filter((name) => !name.endsWith('.ndjson'))).toEqual([])
    },
    serverDeadlineMs,
  )

  test.each([11, 12, 13])(
    'FAULTS 1: seed %i: the broker is killed in the middle of batches, and started again',
    async (seed) => {
      const random = seededRandom(seed)
      const nats = await startNats()
      ends.push(() => nats.stop())
      const url = nats.url.replace(/^nats:/, 'jetstream:')
      const topic = `logs.${uniqueName('kills')}`
      const program = start(url, topic)
      await program.until(/waits for messages/, 60_000)
      await publish(url, topic)
      const killAt = 1 + Math.floor(random.next() * 100)
      await vi.waitFor(() => expect(server.documents.size).toBeGreaterThanOrEqual(killAt), {
        timeout: 60_000,
        interval: 1,
      })
      await nats.crash()
      await nats.restart()
      await expectAll()
      program.signal('SIGTERM')
      expect(await program.ended(60_000)).toMatchObject({ code: 0 })
    },
    serverDeadlineMs,
  )
})

import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { startProgram, type Program } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openJetstream } from '../src/jetstream-driver.ts'
import { sinkProgram } from '@armature/messaging-kit/sink-program'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { ledger, writeAll } from '@armature/messaging-kit/loss-ledger'

const count = 100_000
const timeout = 300_000
const sinkArguments = sinkProgram(join(import.meta.dirname, '../src/jetstream-driver.ts'), 'openJetstream')

let server: RunningServer
let folder: string
const drivers: Driver[] = []
const programs: Program[] = []

beforeAll(async () => {
  server = await startNats()
  folder = await mkdtemp(join(tmpdir(), 'jetstream-loss-'))
}, serverDeadlineMs)

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()))
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const url = () => `jetstream://${new URL(server.url).host}?ackWaitMs=2000`

const connect = async (): Promise<Driver> => {
  const driver = await openJetstream(url())
  drivers.push(driver)
  return driver
}

const writing = (topic: string, book: ReturnType<typeof ledger>, onProgress: (settled: number) => void) => ({
  topic,
  count,
  message: (number: number) => message(topic, `body ${number}`, { id: `${topic}/${number}`, key: `k${number % 50}` }),
  onProgress,
  book,
})

test(`a broker that is killed in the middle of ${count} messages loses none`, { timeout }, async () => {
  const topic = `loss.${randomUUID()}`
  const [publisher, consumer] = [await connect(), await connect()]
  const book = ledger()
  await consumer.subscribe(topic, async ({ id }) => book.stored(id), { group: 'sink' })
  const killAt = Math.floor(count * (0.3 + 0.4 * Math.random()))
  let killed: Promise<void> | undefined
  const killOnce = (settled: number) => {
    if (settled >= killAt) killed ??= server.crash().then(() => server.restart())
  }
  await writeAll(publisher, book, writing(topic, book, killOnce))
  await killed
  expect(killed).toBeDefined()
  await vi.waitFor(() => expect(book.result().counts.sink).toBe(count), { timeout: 120_000, interval: 100 })
  const { lost, unattempted, counts } = book.result()
  expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
  // At most what was in flight comes again.
  expect(counts.repeats).toBeLessThan(20_000)
})

test(`a consumer process that is killed in the middle of ${count} messages loses none`, { timeout }, async () => {
  const topic = `loss.${randomUUID()}`
  const file = join(folder, 'sink')
  const publisher = await connect()
  const book = ledger()
  const sink = async () => (existsSync(file) ? (await readFile(file, 'utf8')).split('\n').slice(0, -1) : [])
  const start = async (diesAfter: number) => {
    const program = startProgram('node', [...sinkArguments, url(), topic, 'sink', file, String(diesAfter)])
    programs.push(program)
    await program.until(/reading/)
    return program
  }
  const first = await start(count / 5)
  const writers = writeAll(
    publisher,
    book,
    writing(topic, book, () => undefined),
  )
  expect((await first.ended(90_000)).signal).toBe('SIGKILL')
  await start(0)
  await writers
  await vi.waitFor(async () => expect(new Set(await sink()).size).toBe(count), { timeout: 90_000, interval: 250 })
  for (const id of await sink()) book.stored(id)
  const { lost, unattempted, counts } = book.result()
  expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
  // Written and not yet acknowledged when it died: no more than it may have in flight.
  expect(counts.repeats).toBeLessThanOrEqual(5_000)
})

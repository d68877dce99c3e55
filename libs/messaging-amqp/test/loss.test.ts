import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, type Program } from '@armature/servers/program'
import { startRabbitmq, type RunningRabbitmq } from '@armature/servers/rabbitmq'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { sinkProgram } from '@armature/messaging-kit/sink-program'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { withOptions, writeQueueNames } from './fixture.ts'
import { ledger, writeAll, type Ledger } from '@armature/messaging-kit/loss-ledger'

const count = 100_000
const timeout = 240_000
const deadlineMs = 120_000
const body = 'x'.repeat(200)

let server: RunningRabbitmq
let folder: string
const drivers: Driver[] = []
const programs: Program[] = []

beforeAll(async () => {
  server = await startRabbitmq()
  folder = await mkdtemp(join(tmpdir(), 'amqp-loss-'))
}, serverDeadlineMs)
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await Promise.all(drivers.splice(0).map((driver) => driver.close()))
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const open = async (options: Readonly<Record<string, string>> = {}) => {
  const driver = await openAmqp(withOptions(server.url, { publishWaitMs: '60000', ...options }), {
    warn: () => undefined,
  })
  drivers.push(driver)
  return driver
}

const write = (publisher: Driver, book: Ledger, topic: string, total: number, onProgress?: (settled: number) => void) =>
  writeAll(publisher, book, {
    topic,
    count: total,
    message: (number) => message(topic, body, { id: `${topic}/${number}` }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })

const sink = sinkProgram(join(import.meta.dirname, '../src/driver.ts'), 'openAmqp')

/** A process that reads the topic and writes ids to a file, until it kills itself after so many. */
const startSink = async (topic: string, file: string, { diesAfter = 0, mode = '' } = {}): Promise<Program> => {
  const program = startProgram(process.execPath, [...sink, server.url, topic, 'sink', file, String(diesAfter), mode])
  programs.push(program)
  await program.until(/reading/, 60_000)
  return program
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []

describe('a broker that is killed', () => {
  test(`in the middle of ${count} messages loses none`, { timeout }, async () => {
    const topic = 'loss.broker'
    const [publisher, consumer] = [await open(), await open()]
    const book = ledger()
    await consumer.subscribe(topic, async ({ id }) => book.stored(id), { group: 'sink' })
    await writeQueueNames(server)
    const killAt = Math.floor(count * (0.3 + 0.4 * Math.random()))
    let killed: Promise<void> | undefined
    await write(publisher, book, topic, count, (settled) => {
      if (settled >= killAt) killed ??= server.crash().then(() => server.restart())
    })
    expect(killed).toBeDefined()
    await killed
    await vi.waitFor(() => expect(book.result().counts.sink).toBe(count), { timeout: deadlineMs, interval: 100 })
    const { lost, unattempted, counts } = book.result()
    expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
    // A message may come again if it was in flight, or if it was published again because its confirm was not seen.
    expect(counts.repeats).toBeLessThan(20_000)
  })
})

describe('a consumer process that is killed', () => {
  test(`in the middle of ${count} messages loses none`, { timeout }, async () => {
    const topic = 'loss.consumer'
    const file = join(folder, 'sink')
    const book = ledger()
    const first = await startSink(topic, file, { diesAfter: count / 5 })
    const writing = write(await open(), book, topic, count)
    expect(await first.ended(deadlineMs)).toMatchObject({ signal: 'SIGKILL' })
    expect(linesOf(file).length).toBeLessThan(count)
    await startSink(topic, file)
    await writing
    await vi.waitFor(() => expect(new Set(linesOf(file)).size).toBe(count), { timeout: deadlineMs, interval: 250 })
    for (const id of linesOf(file)) book.stored(id)
    const { lost, unattempted, counts } = book.result()
    expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
    // Its prefetch: twice the maxInFlight of the process.
    expect(counts.repeats).toBeLessThanOrEqual(10_000)
  })

  test('loses some when it acknowledges before it writes: the ledger sees it', { timeout }, async () => {
    const topic = 'loss.early'
    const file = join(folder, 'early')
    const book = ledger()
    const first = await startSink(topic, file, { diesAfter: 2_000, mode: 'acks-first' })
    const writing = write(await open(), book, topic, 20_000)
    expect(await first.ended(deadlineMs)).toMatchObject({ signal: 'SIGKILL' })
    await startSink(topic, file)
    await writing
    const marker = message(topic, '', { id: 'marker' })
    book.attempt('marker')
    await (await open()).publish(topic, [marker])
    await vi.waitFor(() => expect(linesOf(file)).toContain('marker'), { timeout: deadlineMs, interval: 100 })
    for (const id of linesOf(file)) book.stored(id)
    expect(book.result().counts.lost).toBeGreaterThan(0)
  })
})

import { createReadStream, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'
import { startRedis } from '@armature/servers/redis'
import type { RunningServer } from '@armature/servers/server'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sinkProgram } from '@armature/messaging-kit/sink-program'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { openRedisStreams } from '../src/streams-driver.ts'
import { ledger, writeAll, type Ledger } from '@armature/messaging-kit/loss-ledger'
import { rawRedis } from './raw.ts'

const count = 100_000
const topic = 'loss.events'
const group = 'sink'
const deadlineMs = 120_000
const body = 'x'.repeat(200)
const messageOf = (number: number) => message(topic, body, { id: `m-${number}`, key: `k-${number % 100}` })

let server: RunningServer
let folder: string
let drivers: Driver[] = []
let programs: Program[] = []

beforeEach(async () => {
  server = await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'redis-loss-'))
}, serverDeadlineMs)
afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()))
  await Promise.all(drivers.map((driver) => driver.close()))
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
  drivers = []
  programs = []
})

const url = () => `${server.url.replace('redis:', 'redis-streams:')}?claimIdleMs=2000`
const open = async () => {
  const driver = await openRedisStreams(url())
  drivers.push(driver)
  return driver
}

const eventually = (assertion: () => void | Promise<void>) =>
  vi.waitFor(assertion, { timeout: deadlineMs, interval: 100 })

/** The records that a sink process wrote. A last line without an end was not acknowledged. */
const storedIn = async (book: Ledger, path: string): Promise<number> => {
  let lines = 0
  for await (const line of createInterface({ input: createReadStream(path) })) {
    book.stored(line)
    lines++
  }
  return lines
}

const sinkFile = (name: string) => {
  const path = join(folder, name)
  writeFileSync(path, '')
  return path
}

const startSink = (path: string, diesAfter = 0, mode = '') => {
  const sink = sinkProgram(join(import.meta.dirname, '../src/streams-driver.ts'), 'openRedisStreams')
  const program = startProgram(process.execPath, [...sink, url(), topic, group, path, String(diesAfter), mode])
  programs.push(program)
  return program
}

describe('redis-streams loses nothing', () => {
  test('when the server is killed in the middle of 100,000 messages', { timeout: 2 * deadlineMs }, async () => {
    const book = ledger()
    const seen = new Set<string>()
    const [publisher, one, two] = [await open(), await open(), await open()]
    for (const consumer of [one, two]) {
      await consumer.subscribe(
        topic,
        async ({ id }) => {
          await new Promise((resolve) => setImmediate(resolve))
          book.stored(id)
          seen.add(id)
        },
        { group },
      )
    }
    let crashing: Promise<void> | undefined
    const onProgress = (settled: number) => {
      if (settled > 0.4 * count) crashing ??= server.crash().then(() => server.restart())
    }
    await writeAll(publisher, book, { topic, count, message: messageOf, onProgress })
    await crashing
    await eventually(() => expect(seen.size).toBe(count))
    const { lost, unattempted, counts } = book.result()
    expect({ lost, unattempted }).toEqual({ lost: [], unattempted: [] })
    expect(counts).toMatchObject({ ok: count, sink: count })
  })

  test('when a consumer process is killed in the middle of 100,000 messages', { timeout: 2 * deadlineMs }, async () => {
    const book = ledger()
    const publisher = await open()
    const [first, second] = [sinkFile('first'), sinkFile('second')]
    const victim = startSink(first, 0.3 * count)
    await victim.until(/reading/)
    const publishing = writeAll(publisher, book, { topic, count, message: messageOf })
    expect(await victim.ended(deadlineMs)).toMatchObject({ signal: 'SIGKILL' })
    startSink(second)
    await publishing
    await eventually(async () => {
      const found = ledger()
      await storedIn(found, first)
      await storedIn(found, second)
      expect(found.result().counts.sink).toBeGreaterThanOrEqual(count)
    })
    await storedIn(book, first)
    await storedIn(book, second)
    const { lost, unattempted, counts } = book.result()
    expect({ lost, unattempted }).toEqual({ lost: [], unattempted: [] })
    expect(counts.ok).toBe(count)
    // Only what the victim had written and not yet acknowledged comes twice.
    expect(counts.repeats).toBeLessThan(5_000)
  })

  test('and a consumer that acknowledges too early would be found', { timeout: 2 * deadlineMs }, async () => {
    const book = ledger()
    const publisher = await open()
    const [first, second] = [sinkFile('first'), sinkFile('second')]
    const victim = startSink(first, 2_000, 'acks-first')
    await victim.until(/reading/)
    const publishing = writeAll(publisher, book, { topic, count: 20_000, message: messageOf })
    await victim.ended(deadlineMs)
    startSink(second)
    await publishing
    // Nothing is left that could still come: what is missing now is lost.
    const raw = await rawRedis(server.url)
    await eventually(async () => {
      const [info] = await raw.send<{ pending: number; lag: number }[]>(['XINFO', 'GROUPS', `armature:${topic}`])
      expect(info).toMatchObject({ pending: 0, lag: 0 })
    }).finally(() => raw.close())
    await storedIn(book, first)
    await storedIn(book, second)
    expect(book.result().counts.lost).toBeGreaterThan(0)
  })
})

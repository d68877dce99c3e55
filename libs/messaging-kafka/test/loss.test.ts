import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startKafka } from '@armature/servers/kafka'
import { startProgram, type Program } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { describe, afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { drain, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { elementAt } from '@armature/async/element-at'
import { openKafka } from '../src/driver.ts'
import { sinkProgram } from '@armature/messaging-kit/sink-program'
import { message } from '@armature/messaging/message'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { asAdmin, cuttableSockets, killableKafka, withOptions } from './fixture.ts'
import { ledger, writeAll } from '@armature/messaging-kit/loss-ledger'

describe.skipIf(skipped('kafka'))('Kafka and its clients die', () => {
  const count = 100_000
  const deadlineMs = 240_000
  const maxInFlight = 1_000
  let server: RunningServer
  let folder: string
  let open: Driver[] = []
  let programs: Program[] = []

  beforeAll(async () => {
    server = await startKafka()
    folder = await mkdtemp(join(tmpdir(), 'kafka-loss-'))
  }, serverDeadlineMs)
  afterEach(async () => {
    const [drivers, running] = [open, programs]
    open = []
    programs = []
    await Promise.all([...drivers.map((driver) => driver.close()), ...running.map((each) => each.kill())])
  })
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const url = (sessionTimeoutMs = 2_000) => withOptions(server.url, { sessionTimeoutMs, publishWaitMs: 120_000 })
  const connect = async (): Promise<Driver> => {
    const driver = await openKafka(url(), { warn: () => undefined })
    open.push(driver)
    return driver
  }
  const numberedMessage = (topic: string) => (number: number) =>
    message(topic, `body of ${number}`, { id: `${number}`, key: `key-${number % 50}` })

  /** How many records the topic has, also of repeats. */
  const recordsIn = async (topic: string): Promise<number> => {
    const offsets = await asAdmin(server.url, (admin) => admin.fetchTopicOffsets(topic))
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  }

  /** First deliveries of each key come in the order of publishing. */
  const expectOrder = (ids: Iterable<string>) => {
    const last = new Map<number, number>()
    for (const id of new Set(ids)) {
      const number = Number(id)
      expect(number, `message ${id} came after a later one of its key`).toBeGreaterThan(last.get(number % 50) ?? -1)
      last.set(number % 50, number)
    }
  }

  test(
    'the broker dies in the middle of 100,000 messages: none is lost, each lies there once',
    { timeout: deadlineMs },
    async () => {
      const topic = uniqueTopic()
      const [publisher, consumer] = [await connect(), await connect()]
      const book = ledger()
      const ids: string[] = []
      await consumer.subscribe(
        topic,
        async ({ id }) => {
          await new Promise((resolve) => setImmediate(resolve))
          ids.push(id)
          book.stored(id)
        },
        { group: `g-${topic}`, maxInFlight },
      )
      let crashed: Promise<void> | undefined
      await writeAll(publisher, book, {
        topic,
        count,
        // One after the other, so that the order of publishing is that of the numbers.
        concurrent: 1,
        batch: 500,
        message: numberedMessage(topic),
        onProgress: (settled) => {
          if (settled >= count / 3) crashed ??= server.crash().then(() => server.restart())
        },
      })
      await crashed
      await vi.waitFor(() => expect(new Set(ids).size).toBe(count), { timeout: deadlineMs / 2, interval: 50 })
      const { lost, unattempted, counts } = book.result()
      expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
      expect(await recordsIn(topic)).toBe(count)
      expectOrder(ids)
    },
  )

  test(
    'a consumer process is killed in the middle of 100,000 messages: none is lost',
    { timeout: deadlineMs },
    async () => {
      const topic = uniqueTopic()
      const file = join(folder, topic)
      await writeFile(file, '')
      const sink = async (diesAfter: number, sessionTimeoutMs: number) => {
        const script = sinkProgram(fileURLToPath(new URL('../src/driver.ts', import.meta.url)), 'openKafka')
        const program = startProgram(process.execPath, [
          ...script,
          ...[url(sessionTimeoutMs), topic, `g-${topic}`, file, String(diesAfter)],
        ])
        programs.push(program)
        await program.until(/reading/, 60_000)
        return program
      }
      const stored = async () => (await readFile(file, 'utf8')).split('\n').slice(0, -1)
      const publisher = await connect()
      const book = ledger()
      // The group soon hears of its death.
      const victim = await sink(count / 10, 2_000)
      const writing = writeAll(publisher, book, { topic, count, batch: 500, message: numberedMessage(topic) })
      expect((await victim.ended(deadlineMs / 2)).signal).toBe('SIGKILL')
      const before = (await stored()).length
      expect(before).toBeLessThan(count)
      // One that a busy machine keeps from its heartbeats for longer is taken for dead, and reads again what it had in hand.
      await sink(0, deadlineMs)
      await writing
      await vi.waitFor(async () => expect(new Set(await stored()).size).toBe(count), {
        timeout: deadlineMs / 2,
        interval: 100,
      })
      for (const id of await stored()) book.stored(id)
      const { lost, unattempted, counts } = book.result()
      expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: count })
      expect(await recordsIn(topic)).toBe(count)
      // The survivor stays in the group, so at most what the victim had stored comes again: it may die before its first commit.
      expect(counts.repeats).toBeLessThanOrEqual(before)
    },
  )

  test(
    'members join, leave and die while messages flow: none is lost, and keys keep their order',
    { timeout: deadlineMs },
    async () => {
      const storm = 20_000
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const publisher = await connect()
      const book = ledger()
      const seen: Delivery[] = []
      const current = new Set<string>()
      let overlaps = 0
      const handle = async (delivery: Delivery) => {
        const { id, key = '' } = delivery
        if (current.has(key)) overlaps++
        current.add(key)
        await new Promise((resolve) => setImmediate(resolve))
        current.delete(key)
        seen.push(delivery)
        book.stored(id)
      }
      const join = async (driver: Driver) => driver.subscribe(topic, handle, { group, serial: 'key', maxInFlight: 200 })
      await join(await connect())
      const writing = writeAll(publisher, book, {
        topic,
        count: storm,
        concurrent: 1,
        batch: 50,
        message: numberedMessage(topic),
      })
      let kills = 0
      for (let round = 0; round < 8; round++) {
        const before = seen.length
        const { driver, kill } = await killableKafka(url())
        open.push(driver)
        const subscription = await join(driver)
        await vi.waitFor(() => expect(seen.length).toBeGreaterThan(Math.min(before + 200, storm - 1)), {
          timeout: 60_000,
          interval: 10,
        })
        if (round % 4 === 3) {
          await kill()
          kills++
        } else if (round % 2 === 0) await drain(subscription)
        else await subscription.close()
      }
      await writing
      await vi.waitFor(() => expect(new Set(seen.map(({ id }) => id)).size).toBe(storm), {
        timeout: 60_000,
        interval: 50,
      })
      const { lost, unattempted, counts } = book.result()
      expect({ lost, unattempted, ok: counts.ok }).toEqual({ lost: [], unattempted: [], ok: storm })
      expectOrder(seen.map(({ id }) => id))
      // Only who dies is still at work on a key when another begins: 50 keys at once.
      expect(overlaps).toBeLessThanOrEqual(50 * kills)
    },
  )

  test(
    'connections are cut while batches are on their way: each message lies there once, in order',
    { timeout: deadlineMs },
    async () => {
      const topic = uniqueTopic()
      const total = 10_000
      const { sockets, cut } = cuttableSockets()
      const driver = await openKafka(url(), { warn: () => undefined, sockets })
      open.push(driver)
      const book = ledger()
      let cuts = 0
      const timer = setInterval(() => (cuts += cut()), 50)
      try {
        await writeAll(driver, book, { topic, count: total, concurrent: 1, batch: 50, message: numberedMessage(topic) })
      } finally {
        clearInterval(timer)
      }
      expect(cuts).toBeGreaterThan(5)
      expect(book.result().counts.ok).toBe(total)
      const seen = recorder()
      await (await connect()).subscribe(topic, seen.handle, { from: 'earliest' })
      await vi.waitFor(() => expect(seen.deliveries.length).toBeGreaterThanOrEqual(total), {
        timeout: 60_000,
        interval: 20,
      })
      expect(await recordsIn(topic)).toBe(total)
      expect(seen.ids()).toHaveLength(total)
      expectOrder(seen.deliveries.map(({ id }) => id))
      expect(elementAt(seen.deliveries, 0).attempt).toBe(1)
    },
  )
})

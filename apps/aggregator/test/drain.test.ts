import type { Database } from '@armature/database/database'
import { drivenClock, systemClock } from '@armature/async/clock'
import { memoryBroker, type MemoryBroker } from '@armature/messaging-memory/broker'
import { message } from '@armature/messaging/message'
import { type Lifecycle, startLifecycle } from '@armature/service/lifecycle'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { settings } from '../src/config.ts'
import { type Aggregator, aggregator } from '../src/service.ts'
import type { Sink } from '../src/sink.ts'

const unused: Database = {
  query: () => Promise.reject(new Error('not asked')),
  transaction: () => Promise.reject(new Error('not asked')),
  close: async () => undefined,
}
const never = () => new Promise<never>(() => undefined)
const down = (): Promise<never> => Promise.reject(new Error('down'))

let broker: MemoryBroker
let running: Lifecycle[]
beforeEach(() => {
  broker = memoryBroker()
  running = []
})
afterEach(async () => {
  for (const lifecycle of running) lifecycle.stop('end of the test')
  await Promise.all(running.map(({ done }) => done))
})

/** A sink that keeps what it is given, as `write` lets it, and counts the writes that begin. */
const sinkOf = (write: () => Promise<unknown>, check: () => Promise<void>) => {
  const ids = new Set<string>()
  const calls = { writes: 0 }
  const sink: Sink = {
    write: async (batch) => {
      calls.writes += 1
      await write()
      for (const one of batch) ids.add(one.message.id)
      return batch.map(() => 'written')
    },
    check,
  }
  return { sink, ids, calls }
}

const start = async (sink: Sink, changes: object = {}, { drainDeadlineMs = 30_000, clock = systemClock() } = {}) => {
  const telemetry = testTelemetry('aggregator')
  const config = settings.parse({ completePeriodMs: 60_000, writeRetryDelayMs: 1, ...changes })
  const service: Aggregator = aggregator(config, {
    telemetry,
    clock,
    openMessaging: async () => broker.connect(),
    openDatabase: async () => unused,
    openSink: async () => sink,
  })
  const started = Promise.withResolvers<void>()
  const lifecycle = startLifecycle(service, { drainDeadlineMs, log: telemetry.log, onStarted: started.resolve })
  running.push(lifecycle)
  await started.promise
  const row = () => {
    const [only] = service.ledger()
    expect(imbalance(only ?? ({} as never))).toBe(0)
    return only
  }
  return { lifecycle, row }
}

const topics = 40
const perTopic = 25
const all = topics * perTopic
/** So many groups, each of them full at once. */
const full = { completeCount: perTopic }
const publish = async () => {
  const driver = broker.connect()
  for (let topic = 0; topic < topics; topic += 1) {
    const batch = Array.from({ length: perTopic }, (_, n) => message(`logs.${topic}`, '1', { id: `${topic}-${n}` }))
    await driver.publish(`logs.${topic}`, batch)
  }
  await driver.close()
}
const received = (row: Awaited<ReturnType<typeof start>>['row']) =>
  vi.waitFor(() => expect(row()?.received).toBeGreaterThanOrEqual(all), { timeout: 20_000 })

/** The next instance stores what the one before gave back. */
const expectAllStoredBy = async (ids: Set<string>, sink: Sink) => {
  await start(sink, { completePeriodMs: 10 })
  await vi.waitFor(() => expect(ids.size).toBe(all), { timeout: 20_000 })
}

test('a drain with the sink down ends within its deadline, acknowledges nothing and loses nothing', async () => {
  let isDown = true
  const { sink, ids } = sinkOf(
    () => (isDown ? down() : Promise.resolve()),
    () => (isDown ? down() : Promise.resolve()),
  )
  const { lifecycle, row } = await start(sink)
  await publish()
  await received(row)
  lifecycle.stop('SIGTERM')
  expect(await lifecycle.done).toEqual({ exitCode: 0 })
  expect(row()).toMatchObject({ acked: 0, deadLettered: 0, inFlight: 0 })
  isDown = false
  await expectAllStoredBy(ids, sink)
})

test.each([
  { what: 'down for longer than the drain', write: down, check: down },
  { what: 'silent', write: never, check: never },
])(
  'SIGTERM with full batches and a sink that is $what: it ends at the deadline, and no write begins after close',
  async ({ write, check }) => {
    const stuck = sinkOf(write, check)
    const clock = drivenClock()
    const { lifecycle, row } = await start(stuck.sink, full, { drainDeadlineMs: 300, clock })
    await publish()
    await received(row)
    let turns = 0
    const timer = setInterval(() => (turns += 1), 5)
    lifecycle.stop('SIGTERM')
    expect(await lifecycle.done).toMatchObject({ exitCode: 75, overran: 'finish in flight' })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
    expect(row()).toMatchObject({ acked: 0, inFlight: 0 })
    const { writes } = stuck.calls
    await clock.advance(600_000)
    const next = sinkOf(
      async () => undefined,
      async () => undefined,
    )
    await expectAllStoredBy(next.ids, next.sink)
    expect(stuck.calls.writes).toBe(writes)
  },
  60_000,
)

test('a drain writes all batches that are full, in their order, also where each write takes its time', async () => {
  const { sink, ids } = sinkOf(
    () => new Promise((resolve) => setImmediate(resolve)),
    async () => undefined,
  )
  const { lifecycle, row } = await start(sink, full)
  await publish()
  lifecycle.stop('SIGTERM')
  expect(await lifecycle.done).toEqual({ exitCode: 0 })
  expect(ids.size).toBe(row()?.acked)
  expect(row()?.inFlight).toBe(0)
})

import { withoutClose, type Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { systemClock } from '@armature/async/clock'
import { memoryBroker, type MemoryBroker } from '@armature/messaging-memory/broker'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { aggregatorMetrics } from '../src/aggregator-metrics.ts'
import { settings } from '../src/config.ts'
import { openPostgresSink } from '../src/postgres-sink.ts'
import { type Aggregator, aggregator, type Edges } from '../src/service.ts'
import { storedEvents } from '../src/stored-events.ts'

const deadlineMs = 10_000
const config = (changes: object = {}) => settings.parse({ completePeriodMs: 50, writeRetryDelayMs: 1, ...changes })

let database: Database
let broker: MemoryBroker
const services: Aggregator[] = []
beforeAll(async () => {
  database = await openEmbedded()
  await openPostgresSink(database)
}, 120_000)
afterAll(() => database.close(), 30_000)
beforeEach(async () => {
  broker = memoryBroker()
  await database.query('truncate event')
})
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()))
})

const start = async (changes: object = {}, edges: Partial<Edges> = {}) => {
  const telemetry = testTelemetry('aggregator')
  const service = aggregator(config(changes), {
    telemetry,
    clock: systemClock(),
    openMessaging: async () => broker.connect(),
    openDatabase: async () => withoutClose(database),
    openSink: openPostgresSink,
    ...edges,
  })
  services.push(service)
  await service.start()
  const row = () => {
    const [only] = service.ledger()
    if (only === undefined) throw new Error('the aggregator has no books')
    expect(imbalance(only)).toBe(0)
    return only
  }
  return { service, telemetry, row }
}

const publish = async (topic: string, bodies: readonly (string | Uint8Array)[]) => {
  const driver = broker.connect()
  await driver.publish(
    topic,
    bodies.map((body, index) => message(topic, body, { id: `${topic}-${index}` })),
  )
  await driver.close()
}
const count = () => storedEvents(database).count()
const numbers = (length: number) => Array.from({ length }, (_, index) => `{"n":${index}}`)
const eventually = (assertion: () => void | Promise<void>) =>
  vi.waitFor(assertion, { timeout: deadlineMs, interval: 10 })

test('stores what is published, also what was published before it came', async () => {
  await publish('logs.a', numbers(700))
  const { row } = await start()
  await publish('logs.b', numbers(300))
  await eventually(() => expect(row()).toMatchObject({ received: 1000, acked: 1000, inFlight: 0 }))
  expect(await count()).toBe(1000)
})

test('a poison message is dead-lettered with its reason, the rest flows', async () => {
  const letters: Record<string, string>[] = []
  await broker.connect().subscribe('logs.a.DLT', async ({ headers }) => void letters.push(headers))
  const { row } = await start()
  await publish('logs.a', ['"ok"', new Uint8Array([0xff]), 'a\0b', '"ok too"'])
  await eventually(() => expect(row()).toMatchObject({ received: 6, acked: 4, deadLettered: 2, inFlight: 0 }))
  expect(letters.map((headers) => headers['dlt-reason']).toSorted()).toEqual(['not-utf-8', 'refused-by-database'])
  expect(await count()).toBe(2)
})

test('acknowledges nothing before the sink has written', async () => {
  const opened = Promise.withResolvers<void>()
  const { row } = await start(
    {},
    {
      openSink: async () => ({
        write: async (batch) => {
          await opened.promise
          return batch.map(() => 'written')
        },
        check: async () => undefined,
      }),
    },
  )
  await publish('logs.a', numbers(10))
  await eventually(() => expect(row()).toMatchObject({ received: 10, acked: 0, inFlight: 10 }))
  opened.resolve()
  await eventually(() => expect(row()).toMatchObject({ acked: 10, inFlight: 0 }))
})

test('an outage of the sink loses nothing, and is told by readiness', async () => {
  let isDown = true
  const { service, row } = await start(
    { maxWriteAttempts: 2 },
    {
      openSink: async (inner) => {
        const sink = await openPostgresSink(inner)
        const down = () => Promise.reject(new Error('down'))
        return {
          write: (batch) => (isDown ? down() : sink.write(batch)),
          check: () => (isDown ? down() : sink.check()),
        }
      },
    },
  )
  await publish('logs.a', numbers(50))
  await eventually(() => expect(row().returned).toBeGreaterThanOrEqual(50))
  expect(service.notReady?.()).toEqual([{ check: 'sink', reason: 'the last write failed' }])
  isDown = false
  await eventually(() => expect(row()).toMatchObject({ acked: 50, deadLettered: 0, inFlight: 0 }))
  expect(service.notReady?.()).toEqual([])
  expect(await count()).toBe(50)
})

test('a process that ends between the write and the acknowledgement leaves one row a message', async () => {
  const written = Promise.withResolvers<void>()
  const first = await start(
    {},
    {
      openSink: async (inner) => {
        const sink = await openPostgresSink(inner)
        return {
          ...sink,
          write: async (batch) => {
            await sink.write(batch)
            written.resolve()
            return new Promise(() => undefined)
          },
        }
      },
    },
  )
  await publish('logs.a', numbers(20))
  await written.promise
  await first.service.close()
  expect(first.row()).toMatchObject({ received: 20, acked: 0, returned: 20 })
  const second = await start()
  await eventually(() => expect(second.row()).toMatchObject({ received: 20, acked: 20, inFlight: 0 }))
  expect(await count()).toBe(20)
})

test('the drain writes and acknowledges groups that are not complete', async () => {
  const { service, row } = await start({ completePeriodMs: 3_600_000 })
  await publish('logs.a', numbers(7))
  await publish('logs.b', numbers(5))
  await eventually(() => expect(row()).toMatchObject({ received: 12, inFlight: 12 }))
  await service.stopIntake?.()
  await service.finish?.()
  expect(row()).toMatchObject({ acked: 12, returned: 0, inFlight: 0 })
  expect(await count()).toBe(12)
})

test('holds no more unacknowledged messages than it says', async () => {
  const { row, telemetry } = await start({ completePeriodMs: 3_600_000, maxInFlight: 10, completeCount: 10 })
  await publish('logs.a', numbers(25))
  await eventually(() => expect(row()).toMatchObject({ received: 25, acked: 20, inFlight: 5 }))
  expect(telemetry.metrics.value(aggregatorMetrics.batch_events, { mechanism: 'count' })).toBe(2)
})

test.each([
  ['a dead-letter topic is left out of a wildcard', 'logs.>', 0],
  ['and taken when it is asked for by name', 'logs.a.DLT', 3],
])('%s', async (_name, topic, expected) => {
  const { row } = await start({ topic })
  await publish('logs.a.DLT', numbers(3))
  await eventually(() => expect(row()).toMatchObject({ received: 3, acked: 3, inFlight: 0 }))
  expect(await count()).toBe(expected)
})

test('bug: a message of a named queue was discarded as a dead letter by its routing key', async () => {
  const driver = broker.connect()
  const openMessaging = async (): Promise<Driver> => ({
    ...driver,
    subscribe: (topic, handle, options) =>
      driver.subscribe(topic, (delivery) => handle({ ...delivery, topic: 'orders.DLT' }), options),
  })
  const { row } = await start({ topic: 'task_queue' }, { openMessaging })
  await publish('task_queue', numbers(3))
  await eventually(() => expect(row()).toMatchObject({ received: 3, acked: 3, inFlight: 0 }))
  expect(await count()).toBe(3)
})

test('it says what it waits for and where it stores, on one line', async () => {
  const { service } = await start()
  expect(service.waitsFor).toMatch(
    /^waits for messages on logs\.> .*: MESSAGING_URL points at a real one.*: DATABASE_URL points at a real one$/,
  )
})

test('a way to correlate that there is not ends the start', async () => {
  await expect(start({ correlateBy: 'body' })).rejects.toThrow("'body' names no part of a message")
})

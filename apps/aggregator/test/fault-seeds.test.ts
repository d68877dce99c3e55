import { setImmediate } from 'node:timers/promises'
import { type DrivenClock, drivenClock } from '@armature/async/clock'
import { type Random, seededRandom } from '@armature/async/random'
import { compose } from '@armature/messaging/compose'
import { delay } from '@armature/messaging/delay'
import { duplicate } from '@armature/messaging/duplicate'
import { message, type Message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { randomFail } from '@armature/messaging/random-fail'
import { reorder } from '@armature/messaging/reorder'
import { memoryBroker, type MemoryBroker } from '@armature/messaging-memory/broker'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test } from 'vitest'
import { settings } from '../src/config.ts'
import { openOpensearch } from '../src/open-opensearch.ts'
import { aggregator } from '../src/service.ts'
import type { Sink } from '../src/sink.ts'
import { type BulkServer, startBulkServer } from './bulk-server.ts'
import { failByChance } from './failing-bulk.ts'

const topic = 'logs.a'
const stepMs = 20
/** Nothing more comes once there was no progress for so long, by the driven clock. */
const standstillMs = 600_000
const deadlineMs = 120_000

/** The place where a process is killed: with nothing sent, with all stored and nothing acknowledged; or it drains. */
type End = 'before the write' | 'after the write' | 'drain'
const endings: readonly End[] = ['before the write', 'after the write', 'drain']

interface Run {
  readonly clock: DrivenClock
  readonly random: Random
  readonly broker: MemoryBroker
  readonly server: BulkServer
  readonly settings: object
  readonly seed: number
  readonly copies: number
}

/** Late, disordered and repeated deliveries, of which the broker hears the wrong outcome now and then. */
const chaotic = (driver: Driver, { clock, seed, copies }: Run): Driver => {
  const chaos = compose(
    delay({ maxMs: 100, seed, clock }),
    reorder({ window: 20, maxHoldMs: 50, seed, clock }),
    randomFail({ rate: 0.05, when: 'after', seed }),
    duplicate({ rate: 0.1, copies, seed }),
  )
  return { ...driver, subscribe: (name, handle, options) => driver.subscribe(name, chaos(handle), options) }
}

/** One process. `ended` resolves at its end, which comes with write number `endAt`. */
const startProcess = async (run: Run, end: End | undefined, endAt: number) => {
  const { clock, broker, server } = run
  const ended = Promise.withResolvers<void>()
  const never = () => new Promise<never>(() => undefined)
  let driver: Driver | undefined
  let writes = 0
  const die = () => {
    ended.resolve()
    void driver?.close()
    return never()
  }
  const dying = (sink: Sink): Sink => ({
    ...sink,
    write: async (batch, signal) => {
      writes += 1
      const isLast = writes === endAt
      if (isLast && end === 'before the write') return die()
      const outcomes = await sink.write(batch, signal)
      if (isLast && end === 'after the write') return die()
      if (isLast && end === 'drain') ended.resolve()
      return outcomes
    },
  })
  const config = settings.parse({
    sinkUrl: `${server.url}/logs`,
    sinkTemplate: false,
    topic,
    completeCount: 10,
    completePeriodMs: 200,
    writeRetryDelayMs: 20,
    maxWriteAttempts: 8,
    maxInFlight: 60,
    ...run.settings,
  })
  const service = aggregator(config, {
    telemetry: testTelemetry('aggregator'),
    clock,
    openMessaging: async () => (driver = chaotic(broker.connect(), run)),
    openDatabase: () => Promise.reject(new Error('not asked')),
    openSink: () => Promise.reject(new Error('not asked')),
    openSinkByUrl: async (given) => {
      const opened = await openOpensearch(given, { clock, warn: () => undefined })
      return { ...opened, sink: dying(opened.sink) }
    },
  })
  const close = async () => {
    if (end === 'drain') {
      await service.stopIntake?.()
      await service.finish?.()
    }
    await service.close()
    expect(service.ledger().map(imbalance)).toEqual([0])
  }
  try {
    await service.start()
  } catch {
    // A supervisor starts it again.
    await service.close()
    return undefined
  }
  return { ended: ended.promise, close }
}

interface Scenario {
  readonly messages: (random: Random) => readonly Message[]
  readonly settings?: object
  readonly copies?: number
  readonly poison?: (random: Random, ids: readonly string[]) => readonly string[]
  /** Whether the documents are what they shall be at the end. */
  readonly isComplete: (
    documents: BulkServer['documents'],
    letters: ReadonlySet<string>,
    given: readonly Message[],
  ) => boolean
}

const simulate = async (seed: number, scenario: Scenario) => {
  const random = seededRandom(seed)
  const clock = drivenClock(1_700_000_000_000)
  const broker = memoryBroker({ clock, seed })
  const server = await startBulkServer()
  const given = scenario.messages(random)
  const poison = new Set(
    scenario.poison?.(
      random,
      given.map(({ id }) => id),
    ),
  )
  const faults = failByChance(server, random, { requests: 0.1, items: 0.01 }, poison)
  const letters = new Set<string>()
  const outside = broker.connect()
  await outside.subscribe(`${topic}.DLT`, async ({ id }) => void letters.add(id))
  await outside.publish(topic, given)
  const run = { clock, random, broker, server, seed, settings: scenario.settings ?? {}, copies: scenario.copies ?? 2 }
  const isComplete = () => scenario.isComplete(server.documents, letters, given)
  let isOver = false
  const pump = (async () => {
    while (!isOver) {
      await clock.advance(stepMs)
      await setImmediate()
    }
  })()
  try {
    for (let processes = 0; processes < 6; processes += 1) {
      const end = processes < 3 ? endings[Math.floor(random.next() * endings.length)] : undefined
      const service = await startProcess(run, end, 1 + Math.floor(random.next() * 8))
      if (service === undefined) continue
      const complete = (async () => {
        let lastSize = -1
        for (let sinceMs = clock.now(); clock.now() - sinceMs < standstillMs; await setImmediate()) {
          if (isOver || (isComplete() && broker.books().inFlight === 0)) return
          const size = server.documents.size + letters.size
          if (size !== lastSize) sinceMs = clock.now()
          lastSize = size
        }
      })()
      await Promise.race([service.ended, complete])
      await service.close()
      if (end === undefined) break
    }
    return { documents: server.documents, requests: server.requests, letters, given, poison, faults }
  } finally {
    isOver = true
    await pump
    await outside.close()
    await server.close()
  }
}

const numbered = (count: number) => () =>
  Array.from({ length: count }, (_, n) => message(topic, `{"n":${n}}`, { id: `m${n}`, key: `k${n % 7}` }))
const seeds = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

const stored: Scenario = {
  messages: numbered(120),
  poison: (random, ids) => ids.filter(() => random.next() < 0.01),
  isComplete: (documents, letters, given) => documents.size + letters.size >= given.length,
}

const expectAllOnce = async (seed: number, scenario: Scenario) => {
  const { documents, letters, given, poison, faults } = await simulate(seed, scenario)
  const wanted = given.map(({ id }) => id).filter((id) => !poison.has(id))
  expect([...documents.keys()].toSorted()).toEqual(wanted.toSorted())
  expect([...letters].toSorted()).toEqual([...poison].toSorted())
  return faults
}

test.each([seeds(1, 20), seeds(21, 20), seeds(41, 20), seeds(61, 20)])(
  'FAULTS 2, FAULTS 3, FAULTS 7, FAULTS 8, FAULTS 9: killed and drained over a failing index, none is lost: seeds from %i',
  async (...some) => {
    let failed = 0
    for (const seed of some) {
      const faults = await expectAllOnce(seed, stored)
      failed += Math.min(faults.requests, 1) + Math.min(faults.items, 1)
    }
    expect(failed).toBeGreaterThan(some.length)
  },
  deadlineMs,
)

test(
  'FAULTS 16: what is delivered ten times, also across restarts, is one document: 10 seeds',
  async () => {
    for (const seed of seeds(201, 10)) await expectAllOnce(seed, { ...stored, messages: numbered(60), copies: 10 })
  },
  deadlineMs,
)

test(
  'FAULTS 17: in whatever order they come, the last version of each key is kept: 20 seeds',
  async () => {
    const keys = 6
    const perKey = 15
    const versioned: Scenario = {
      messages: () =>
        Array.from({ length: keys * perKey }, (_, n) =>
          message(topic, `{"n":${Math.floor(n / keys)}}`, {
            id: `m${n}`,
            key: `k${n % keys}`,
            headers: { version: String(Math.floor(n / keys)) },
          }),
        ),
      settings: { sinkOperation: 'index', sinkDocumentId: 'key', sinkVersionHeader: 'version' },
      isComplete: (documents) =>
        documents.size === keys &&
        [...documents.values()].every(({ body }) => (body as { n: number }).n === perKey - 1),
    }
    for (const seed of seeds(301, 20)) {
      const { documents, letters } = await simulate(seed, versioned)
      expect([...documents].map(([id, { body }]) => [id, body]).toSorted()).toEqual(
        Array.from({ length: keys }, (_, key) => [`k${key}`, { n: perKey - 1 }]),
      )
      expect([...letters]).toEqual([])
    }
  },
  deadlineMs,
)

test(
  'FAULTS 15: a sink of one message a second holds no more than its bound, for 24 hours',
  async () => {
    const clock = drivenClock()
    const broker = memoryBroker({ clock })
    const maxInFlight = 50
    let written = 0
    let held = 0
    const service = aggregator(
      settings.parse({ topic, maxInFlight, completeCount: 10, completePeriodMs: 1_000, writeTimeoutMs: 60_000 }),
      {
        telemetry: testTelemetry('aggregator'),
        clock,
        openMessaging: async () => broker.connect(),
        openDatabase: async () => ({
          query: () => Promise.reject(new Error('not asked')),
          transaction: () => Promise.reject(new Error('not asked')),
          close: async () => undefined,
        }),
        openSink: async () => ({
          write: async (batch) => {
            await new Promise<void>((resolve) => void clock.after(batch.length * 1_000, resolve))
            written += batch.length
            return batch.map(() => 'written')
          },
          check: async () => undefined,
        }),
      },
    )
    await service.start()
    const outside = broker.connect()
    const minutes = 24 * 60
    for (let minute = 0; minute < minutes; minute += 1) {
      await outside.publish(
        topic,
        Array.from({ length: 60 }, (_, n) => message(topic, 'x', { id: `${minute}-${n}` })),
      )
      for (let step = 0; step < 12; step += 1) await clock.advance(5_000)
      held = Math.max(held, service.ledger()[0]?.inFlight ?? 0)
    }
    expect(held).toBeLessThanOrEqual(maxInFlight)
    expect(written).toBeGreaterThan(minutes * 55)
    const closing = service.close()
    await clock.advance(60_000)
    await closing
    expect(service.ledger().map(imbalance)).toEqual([0])
  },
  deadlineMs,
)

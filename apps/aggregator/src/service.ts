import { borrowed, type Database } from '@armature/database/database'
import { migratedTemplate } from '@armature/database/migrated-template'
import { observed } from '@armature/database/observed'
import { openDatabase } from '@armature/database/open'
import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { type Clock, systemClock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter, isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { measure } from '@armature/messaging/measure'
import { openDriver } from '@armature/messaging-drivers/open'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver, Middleware, Subscription } from '@armature/messaging/ports'
import { brokerInWords } from '@armature/messaging/reach'
import { trace } from '@armature/messaging/trace'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { Service } from '@armature/service/service'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createLedger } from '@armature/telemetry/ledger'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { type Aggregate, createAggregate } from './aggregate.ts'
import { allPartsArrived, type CompletionPolicy } from './completion.ts'
import type { Config } from './config.ts'
import { type Correlate, correlateBy, CorrelationError } from './correlation.ts'
import { eventMigrations } from './event-table.ts'
import { openPostgresSink } from './postgres-sink.ts'
import type { Sink } from './sink.ts'
import { storedEvents, type StoredEvents } from './stored.ts'
import { groupWriter } from './write-group.ts'

const name = 'aggregator'

/** The edges of the aggregator: its ways to the outside. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly openMessaging: () => Promise<Driver>
  readonly openDatabase: () => Promise<Database>
  readonly openSink: (database: Database) => Promise<Sink>
}

/** The edges that the settings name; nothing is opened yet, but telemetry. */
export const realEdges = (config: Config): Edges => {
  const telemetry = createTelemetry({ service: name, config })
  return {
    telemetry,
    clock: systemClock(),
    openMessaging: () =>
      openDriver(config.messagingUrl, {
        source: `/armature/${name}`,
        metrics: telemetry.metrics,
        warn: (problem) => telemetry.log.warn(problem),
      }),
    openDatabase: () => openDatabase(config.databaseUrl, { template: migratedTemplate(eventMigrations) }),
    openSink: openPostgresSink,
  }
}

export interface Aggregator extends Service {
  /** Reads the sink. Throws before `start` resolved. */
  stored(): StoredEvents
}

/** Gathers correlated messages and writes each group to the sink by one statement, then acknowledges them. */
export const aggregator = (config: Config, edges: Edges): Aggregator => {
  const { telemetry, clock } = edges
  const { metrics } = telemetry
  const closing = new AbortController()
  let database: Database | undefined
  let driver: Driver | undefined
  let subscription: Subscription | undefined
  let aggregate: Aggregate | undefined
  let sinkFault: unknown
  const ledger = createLedger({ stage: name, inFlight: () => subscription?.inFlight ?? 0, metrics })

  const subscribe = async (source: Driver, handle: Aggregate['handle']): Promise<Subscription> => {
    const { topic, group, maxInFlight, maxInFlightBytes } = config
    const around = compose(
      measure({ ledger, metrics, system: source.scheme, group, clock }),
      trace({ system: source.scheme, group }),
      withoutDeadLetters(topic, telemetry),
      deadLetter({ publisher: source, handler: name, group, clock, metrics }),
    )
    return source.subscribe(topic, around(handle), { group, maxInFlight, maxInFlightBytes, from: 'earliest' })
  }

  return {
    name,
    telemetry,
    start: async (stopping = new AbortController().signal) => {
      const correlate = correlation(config)
      database = observed(await edges.openDatabase(), telemetry)
      const sink = await edges.openSink(borrowed(database))
      const { maxWriteAttempts: maxAttempts, writeRetryDelayMs: retryDelayMs, writeTimeoutMs, maxOpenGroups } = config
      const write = groupWriter({
        sink,
        telemetry,
        clock,
        maxAttempts,
        retryDelayMs,
        writeTimeoutMs,
        closing: closing.signal,
        onAttempt: (fault) => (sinkFault = fault),
      })
      aggregate = createAggregate({ correlate, policy: policyOf(config), clock, maxOpenGroups, write })
      driver = await openedUnless(stopping, edges.openMessaging())
      observeBroker(driver, telemetry.metrics)
      subscription = await subscribe(driver, aggregate.handle)
    },
    checks: ['sink', ...brokerChecks],
    notReady: () => [
      ...(sinkFault === undefined ? [] : [{ check: 'sink', reason: 'the last write failed' }]),
      ...brokerNotReady(driver),
    ],
    stopIntake: async () => subscription?.stop(),
    finish: async () => {
      aggregate?.flush()
      await subscription?.idle()
    },
    close: async () => {
      closing.abort()
      await subscription?.close()
      await driver?.close()
      await database?.close()
    },
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      const broker = brokerInWords(config.messagingUrl)
      const store = /^embedded:/i.test(config.databaseUrl) ? 'an embedded database, gone at the end' : 'the database'
      return (
        `waits for messages on ${config.topic} at ${broker}: MESSAGING_URL points at a real one; ` +
        `stores them in ${store}: DATABASE_URL points at a real one`
      )
    },
    stored: () => {
      if (database === undefined) throw new Error('the sink can be read once start() has resolved')
      return storedEvents(database)
    },
  }
}

const correlation = ({ correlateBy: text }: Config): Correlate => {
  try {
    return correlateBy(text)
  } catch (error) {
    if (!(error instanceof CorrelationError)) throw error
    const fix = 'Correct --correlate-by (env CORRELATE_BY)'
    throw new ServiceError(error.message, { exitCode: exitCodes.config, fix, cause: error })
  }
}

const policyOf = (config: Config): CompletionPolicy => {
  const { completeInactivityMs: inactivityMs, completeHeader, partsHeader } = config
  return {
    count: config.completeCount,
    bytes: config.completeBytes,
    periodMs: config.completePeriodMs,
    ...(inactivityMs === undefined ? {} : { inactivityMs }),
    ...(completeHeader === undefined ? {} : { special: ({ headers }) => Object.hasOwn(headers, completeHeader) }),
    ...(partsHeader === undefined ? {} : { predicate: allPartsArrived(partsHeader) }),
  }
}

/**
 * Acknowledges dead letters that a wildcard takes in, and counts them: a message that cannot be stored must not come back by
 * another door. A topic that itself ends in `.DLT` is aggregated like any other.
 */
const withoutDeadLetters =
  (pattern: string, { metrics }: Telemetry): Middleware =>
  (next) =>
  (delivery) => {
    if (isDeadLetterTopic(pattern) || !isDeadLetterTopic(delivery.topic)) return next(delivery)
    const labels = { component: name, intentional: true, reason: 'dead-letter-topic' }
    metrics.count(commonMetrics.component_discarded_events_total, 1, labels)
    return Promise.resolve()
  }

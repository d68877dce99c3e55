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
import { openOpensearch, type OpenedSink } from './open-opensearch.ts'
import { opensearchTarget } from './opensearch-target.ts'
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
  /** In the place of a database and its sink, where `SINK_URL` is set. */
  readonly openSinkByUrl?: (url: string) => Promise<OpenedSink>
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
    openSinkByUrl: (sinkUrl) =>
      openOpensearch({ ...config, sinkUrl }, { clock: systemClock(), warn: (problem) => telemetry.log.warn(problem) }),
  }
}

export interface Aggregator extends Service {
  /** Reads the sink. Throws before `start` resolved. */
  stored(): StoredEvents
}

/** Gathers correlated messages and writes each group to the sink at once, then acknowledges them. */
export const aggregator = (config: Config, edges: Edges): Aggregator => {
  const { telemetry, clock } = edges
  const { metrics } = telemetry
  const closing = new AbortController()
  let database: Database | undefined
  let byUrl: OpenedSink | undefined
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

  const openSink = async (): Promise<Sink> => {
    if (config.sinkUrl !== undefined && edges.openSinkByUrl !== undefined) {
      byUrl = await edges.openSinkByUrl(config.sinkUrl)
      return byUrl.sink
    }
    database = observed(await edges.openDatabase(), telemetry)
    return edges.openSink(borrowed(database))
  }

  return {
    name,
    telemetry,
    start: async (stopping = new AbortController().signal) => {
      const correlate = correlation(config)
      const sink = await openSink()
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
      const maxWritesAtOnce = sink.maxWritesAtOnce ?? 1
      aggregate = createAggregate({ correlate, policy: policyOf(config), clock, maxOpenGroups, maxWritesAtOnce, write })
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
      await byUrl?.close()
      await database?.close()
    },
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      const broker = brokerInWords(config.messagingUrl)
      return `waits for messages on ${config.topic} at ${broker}: MESSAGING_URL points at a real one; stores them in ${storeInWords(config)}`
    },
    stored: () => {
      if (database === undefined) throw new Error('the sink can be read once start() has resolved')
      return storedEvents(database)
    },
  }
}

const storeInWords = ({ sinkUrl, databaseUrl }: Config): string => {
  if (sinkUrl !== undefined) {
    const { origin, index } = opensearchTarget(sinkUrl)
    return `the index ${index} at ${origin}`
  }
  const store = /^embedded:/i.test(databaseUrl) ? 'an embedded database, gone at the end' : 'the database'
  return `${store}: DATABASE_URL points at a real one`
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

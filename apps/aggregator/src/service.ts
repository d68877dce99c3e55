import { borrowed, type Database } from '@armature/database/database'
import { migratedTemplate } from '@armature/database/migrated-template'
import { observed } from '@armature/database/observed'
import { openDatabase } from '@armature/database/open'
import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { type Clock, systemClock } from '@armature/async/clock'
import { openDriver } from '@armature/messaging-drivers/open'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver } from '@armature/messaging/ports'
import { brokerInWords } from '@armature/messaging/reach'
import type { NotReady, Service } from '@armature/service/service'
import { createLedger } from '@armature/telemetry/ledger'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import type { Config, SinkSettings } from './config.ts'
import { eventMigrations } from './event-table.ts'
import { onePipeline, type PipelineSettings } from './one-pipeline.ts'
import { openOpensearch, type OpenedSink } from './open-opensearch.ts'
import { opensearchTarget } from './opensearch-target.ts'
import { openPipeline, type Pipeline } from './pipeline.ts'
import { openPostgresSink } from './postgres-sink.ts'
import type { Sink } from './sink.ts'
import { storedEvents, type StoredEvents } from './stored.ts'

const name = 'aggregator'

/** The edges of the aggregator: its ways to the outside. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly openMessaging: (url: string) => Promise<Driver>
  readonly openDatabase: (url: string) => Promise<Database>
  /** `stopping` is that of the start: what it waits for is given up then. */
  readonly openSink: (database: Database, stopping: AbortSignal) => Promise<Sink>
  /** In the place of a database and its sink, where the sink has a URL. */
  readonly openSinkByUrl?: (settings: SinkSettings & { readonly sinkUrl: string }) => Promise<OpenedSink>
}

/** The edges that the settings name; nothing is opened yet, but telemetry. */
export const realEdges = (config: Config): Edges => {
  const telemetry = createTelemetry({ service: name, config })
  const warn = (problem: string) => telemetry.log.warn(problem)
  return {
    telemetry,
    clock: systemClock(),
    openMessaging: (url) => openDriver(url, { source: `/armature/${name}`, metrics: telemetry.metrics, warn }),
    openDatabase: (url) => openDatabase(url, { template: migratedTemplate(eventMigrations) }),
    openSink: openPostgresSink,
    openSinkByUrl: (settings) => openOpensearch(settings, { clock: systemClock(), warn }),
  }
}

export interface Aggregator extends Service {
  /** Completes all open groups now. */
  completeAll(): void
  /** Reads the sink. Throws before `start` resolved. */
  stored(): StoredEvents
}

/** Gathers correlated messages and writes each group to the sink at once, then acknowledges them. */
export const aggregator = (config: Config, edges: Edges): Aggregator => {
  const { telemetry, clock } = edges
  const { metrics } = telemetry
  const pipelines: Pipeline[] = []
  const ends = openEnds(edges)
  let settings: readonly PipelineSettings[] = []
  const inFlight = () => pipelines.reduce((sum, pipeline) => sum + pipeline.inFlight, 0)
  const ledger = createLedger({ stage: name, inFlight, metrics })
  const each = (step: (pipeline: Pipeline) => Promise<void>) => Promise.all(pipelines.map(step)).then(() => undefined)

  return {
    name,
    telemetry,
    start: async (stopping = new AbortController().signal) => {
      settings = [onePipeline(config)]
      for (const { plan, messagingUrl, sink: sinkSettings } of settings) {
        const sink = await ends.sink(sinkSettings, stopping)
        const driver = await ends.driver(messagingUrl, stopping)
        pipelines.push(await openPipeline(plan, { driver, sink, telemetry, clock, ledger }))
      }
    },
    checks: ['sink', ...brokerChecks],
    notReady: () => [...pipelines.flatMap(sinkNotReady), ...ends.drivers().flatMap(brokerNotReady)],
    stopIntake: () => each((pipeline) => pipeline.stopIntake()),
    finish: () => each((pipeline) => pipeline.finish()),
    close: async () => {
      await each((pipeline) => pipeline.close())
      await ends.close()
    },
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      return settings.map(waitsForInWords).join('\n')
    },
    completeAll: () => {
      for (const pipeline of pipelines) pipeline.completeAll()
    },
    stored: () => storedEvents(ends.database()),
  }
}

/** The brokers and sinks that pipelines share: each is opened once. */
const openEnds = ({ telemetry, openMessaging, openDatabase, openSink, openSinkByUrl }: Edges) => {
  const drivers = new Map<string, Driver>()
  const databases = new Map<string, Database>()
  const sinks: OpenedSink[] = []

  const databaseOf = async (url: string): Promise<Database> => {
    const opened = databases.get(url) ?? observed(await openDatabase(url), telemetry)
    databases.set(url, opened)
    return opened
  }

  return {
    drivers: () => [...drivers.values()],
    driver: async (url: string, stopping: AbortSignal): Promise<Driver> => {
      const known = drivers.get(url)
      if (known !== undefined) return known
      const driver = await openedUnless(stopping, openMessaging(url))
      drivers.set(url, driver)
      observeBroker(driver, telemetry.metrics)
      return driver
    },
    sink: async ({ databaseUrl, ...settings }: PipelineSettings['sink'], stopping: AbortSignal): Promise<Sink> => {
      const { sinkUrl } = settings
      if (sinkUrl === undefined || openSinkByUrl === undefined) {
        return openSink(borrowed(await databaseOf(databaseUrl)), stopping)
      }
      const opened = await openSinkByUrl({ ...settings, sinkUrl })
      sinks.push(opened)
      return opened.sink
    },
    database: (): Database => {
      const [first] = databases.values()
      if (first === undefined) throw new Error('the sink can be read once start() has resolved')
      return first
    },
    close: async () => {
      for (const opened of [...drivers.values(), ...sinks, ...databases.values()]) await opened.close()
    },
  }
}

const sinkNotReady = ({ sinkFault }: Pipeline): readonly NotReady[] =>
  sinkFault === undefined ? [] : [{ check: 'sink', reason: 'the last write failed' }]

const waitsForInWords = ({ plan, messagingUrl, sink }: PipelineSettings): string => {
  const broker = brokerInWords(messagingUrl)
  return `waits for messages on ${plan.topic} at ${broker}: MESSAGING_URL points at a real one; stores them in ${storeInWords(sink)}`
}

const storeInWords = ({ sinkUrl, databaseUrl }: PipelineSettings['sink']): string => {
  if (sinkUrl !== undefined) {
    const { origin, index } = opensearchTarget(sinkUrl)
    return `the index ${index} at ${origin}`
  }
  const store = /^embedded:/i.test(databaseUrl) ? 'an embedded database, gone at the end' : 'the database'
  return `${store}: DATABASE_URL points at a real one`
}

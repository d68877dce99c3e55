import { withoutClose, type Database } from '@armature/database/database'
import { migratedTemplate } from '@armature/database/migrated-template'
import { instrumented } from '@armature/database/instrumented'
import { openDatabase } from '@armature/database/open'
import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { type Clock, systemClock } from '@armature/async/clock'
import { openDriver } from '@armature/messaging-drivers/open'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver } from '@armature/messaging/ports'
import { matches } from '@armature/messaging/topic-pattern'
import { brokerInWords } from '@armature/messaging/broker-in-words'
import type { NotReady, Service } from '@armature/service/service'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { createLedger } from '@armature/telemetry/ledger'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import type { Config, SinkSettings } from './config.ts'
import { eventMigrations } from './event-table.ts'
import type { PipelineSettings } from './one-pipeline.ts'
import type { OpenedSink } from './open-opensearch.ts'
import { openSinkByUrl, sinkInWords } from './open-sink.ts'
import { openDryRun } from './dry-run.ts'
import { openPipeline, type Pipeline } from './pipeline.ts'
import { pipelinesOf } from './pipelines.ts'
import { openPostgresSink } from './postgres-sink.ts'
import type { Sink } from './sink.ts'
import { storedEvents, type StoredEvents } from './stored-events.ts'

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
  /** Calls the listener when an operator asks to complete all groups, until the answer is called. Default: nobody asks. */
  readonly onCompleteAll?: (listener: () => void) => () => void
  /** With `dryRun`: gets a line for each group that would be written. */
  readonly show?: (line: string) => void
}

/** The edges that the settings name; nothing is opened yet, but telemetry. */
export const realEdges = (config: Config): Edges => {
  // A dry run shows its groups on standard output, so the log goes elsewhere.
  const telemetry = createTelemetry({ service: name, config, ...(config.dryRun && { destination: process.stderr }) })
  const warn = (problem: string) => telemetry.log.warn(problem)
  const openMessaging = (url: string) =>
    openDriver(url, { source: `/armature/${name}`, metrics: telemetry.metrics, warn })
  return {
    telemetry,
    clock: systemClock(),
    openMessaging,
    openDatabase: (url) => openDatabase(url, { template: migratedTemplate(eventMigrations) }),
    openSink: openPostgresSink,
    openSinkByUrl: (settings) => openSinkByUrl(settings, { clock: systemClock(), warn, openMessaging }),
    onCompleteAll: (listener) => {
      process.on('SIGUSR1', listener)
      return () => process.off('SIGUSR1', listener)
    },
    show: (line) => void process.stdout.write(`${line}\n`),
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
  const pipelines: Pipeline[] = []
  const ends = openEnds(edges)
  let settings: readonly PipelineSettings[] = []
  const inFlight = () => pipelines.reduce((sum, pipeline) => sum + pipeline.inFlight, 0)
  const ledger = createLedger({ stage: name, inFlight, metrics })
  let endAsking: (() => void) | undefined
  const completeAll = (): number => pipelines.reduce((sum, pipeline) => sum + pipeline.completeAll(), 0)
  const each = (step: (pipeline: Pipeline) => Promise<void>) => Promise.all(pipelines.map(step)).then(() => undefined)

  return {
    name,
    telemetry,
    start: async (stopping = new AbortController().signal) => {
      settings = await pipelinesOf(config)
      for (const { plan, messagingUrl, sink: sinkSettings } of settings) {
        refuseLoop(plan.topic, messagingUrl, sinkSettings)
        const sink = config.dryRun ? undefined : await ends.sink(sinkSettings, stopping)
        const driver = await ends.driver(messagingUrl, stopping)
        const shared = { driver, telemetry, clock, ledger }
        pipelines.push(
          await (sink === undefined
            ? openDryRun(plan, { ...shared, show: edges.show ?? (() => undefined) })
            : openPipeline(plan, { ...shared, sink })),
        )
      }
      endAsking = edges.onCompleteAll?.(() =>
        telemetry.log.info({ groups: completeAll() }, 'all open groups are completed'),
      )
    },
    actions: { '/flush': () => `${completeAll()} groups completed` },
    checks: ['sink', ...brokerChecks],
    notReady: () => [...pipelines.flatMap(sinkNotReady), ...ends.drivers().flatMap(brokerNotReady)],
    stopIntake: () => each((pipeline) => pipeline.stopIntake()),
    finish: () => each((pipeline) => pipeline.finish()),
    close: async () => {
      endAsking?.()
      await each((pipeline) => pipeline.close())
      await ends.close()
    },
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      return settings.map((one) => waitsForInWords(one, config.dryRun)).join('\n')
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
    const opened = databases.get(url) ?? instrumented(await openDatabase(url), telemetry)
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
        return openSink(withoutClose(await databaseOf(databaseUrl)), stopping)
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

const waitsForInWords = ({ plan, messagingUrl, sink }: PipelineSettings, isDryRun: boolean): string => {
  const broker = brokerInWords(messagingUrl)
  const store = isDryRun ? 'shows its groups, acknowledges and stores nothing' : `stores them in ${storeInWords(sink)}`
  return `waits for messages on ${plan.topic} at ${broker}: MESSAGING_URL points at a real one; ${store}`
}

/** A message that a pipeline published to its own topic would come round for ever. */
const refuseLoop = (pattern: string, messagingUrl: string, { sinkUrl, sinkTopic }: PipelineSettings['sink']): void => {
  if (sinkTopic === undefined || sinkUrl !== messagingUrl || !matches(pattern, sinkTopic)) return
  throw new ServiceError(`the topic ${sinkTopic} of the sink is read by its own pipeline, ${pattern}`, {
    exitCode: exitCodes.config,
    fix: 'Name another topic, by SINK_TOPIC',
  })
}

const storeInWords = ({ databaseUrl, ...settings }: PipelineSettings['sink']): string => {
  const { sinkUrl } = settings
  if (sinkUrl !== undefined) return sinkInWords({ ...settings, sinkUrl })
  const store = /^embedded:/i.test(databaseUrl) ? 'an embedded database, gone at the end' : 'the database'
  return `${store}: DATABASE_URL points at a real one`
}

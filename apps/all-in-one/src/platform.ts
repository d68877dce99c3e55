import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { settings as aggregatorSettings } from '@armature/aggregator/config'
import { openPostgresSink } from '@armature/aggregator/postgres-sink'
import { aggregator, type Aggregator } from '@armature/aggregator/service'
import type { Sink } from '@armature/aggregator/sink'
import { settings as alertMonitorSettings } from '@armature/alert-monitor/config'
import { alertMonitor, type AlertMonitor } from '@armature/alert-monitor/service'
import type { CommonConfig } from '@armature/config/common'
import { withoutClose, type Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { discoveryOptions, discoveryTarget } from '@armature/discovery/grpc-resolver'
import { memoryDiscovery } from '@armature/discovery/memory'
import { settings as logShipperSettings } from '@armature/log-shipper/config'
import { streamInput } from '@armature/log-shipper/input'
import { logShipper } from '@armature/log-shipper/service'
import { temporaryFolder } from '@armature/log-shipper/spool-folder'
import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { settings as reactorSettings } from '@armature/reactor/config'
import { reactor, type Reactor } from '@armature/reactor/service'
import { createSearchClient, type SearchClient } from '@armature/search-api/client'
import { settings as searchSettings } from '@armature/search-service/config'
import { searchService, type SearchService } from '@armature/search-service/service'
import { openStore } from '@armature/search-service/store'
import type { Service } from '@armature/service/service'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { logPipe } from './log-pipe.ts'
import { stallable } from './stall.ts'
import { worldTemplate } from './world.ts'

/** The rules of the monitor in this platform: they are data. */
const rulesFile = fileURLToPath(new URL('rules.json', import.meta.url))

/** The edges of the platform: its ways to the outside. */
export interface PlatformEdges {
  /** PostGIS that holds the world; both services with a database use it. */
  readonly openDatabase: () => Promise<Database>
  readonly openSink: (database: Database) => Promise<Sink>
  /** How the stall that is asked for waits. */
  readonly wait: (delayMs: number) => Promise<void>
}

/** One embedded database, which is opened when it is asked for. */
export const embeddedEdges = (): PlatformEdges => ({
  openDatabase: () => openEmbedded({ template: worldTemplate }),
  openSink: openPostgresSink,
  wait: (delayMs) => new Promise((resolve) => setTimeout(resolve, Math.max(0, delayMs))),
})

/** The five services at work, connected by edges in memory. */
export interface Platform {
  readonly search: SearchService
  readonly shipper: Service
  readonly aggregator: Aggregator
  readonly monitor: AlertMonitor
  readonly reactor: Reactor
  /** In the order in which data flows through them: draining them in this order loses nothing. */
  readonly services: readonly Service[]
  readonly telemetries: readonly Telemetry[]
  /** Finds search-service by discovery. */
  readonly client: SearchClient
  /** The next read of search-service's store waits `delayMs`, once. */
  stallNextRead(delayMs: number): void
  /** Writes of search-service's log that found the pipe to the shipper full. */
  droppedLogWrites(): number
  /** Ends the shipper's input: to be called when search-service is drained. */
  endLog(): void
  /** Closes everything, also what is half open. Safe to call twice. */
  close(): Promise<void>
}

/** Opens what the services stand on, then starts them against the flow: nothing is sent before its receiver is there. */
export const openPlatform = async (
  config: CommonConfig & { readonly grpcPort: number },
  edges: PlatformEdges,
): Promise<Platform> => {
  const { drainDeadlineMs, otlpEndpoint } = config
  const common = { drainDeadlineMs, otlpEndpoint, logLevel: config.logLevel, statsdPort: 0 }
  const clock = systemClock()
  const broker = memoryBroker()
  const discovery = memoryDiscovery()
  const log = logPipe()
  const openMessaging = async () => broker.connect()
  const telemetries: Telemetry[] = []
  const closers: (() => Promise<void>)[] = []

  const telemetryOf = (service: string, own: CommonConfig, destination: Writable = process.stderr) => {
    const telemetry = createTelemetry({ service, config: own, destination })
    telemetries.push(telemetry)
    return telemetry
  }
  const started = async <S extends Service>(service: S): Promise<S> => {
    closers.push(() => service.close())
    await service.start()
    return service
  }
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
    await Promise.all(telemetries.map((telemetry) => telemetry.close()))
  }

  try {
    const database = await edges.openDatabase()
    closers.push(() => database.close())
    const openDatabase = async () => withoutClose(database)

    const monitorConfig = alertMonitorSettings.parse({ ...common, rulesFile })
    const monitor = await started(
      alertMonitor(monitorConfig, { telemetry: telemetryOf('alert-monitor', monitorConfig), clock, openMessaging }),
    )
    const reactorConfig = reactorSettings.parse(common)
    const reaction = await started(
      reactor(reactorConfig, { telemetry: telemetryOf('reactor', reactorConfig), clock, openMessaging }),
    )
    const aggregatorConfig = aggregatorSettings.parse(common)
    const aggregation = await started(
      aggregator(aggregatorConfig, {
        telemetry: telemetryOf('aggregator', aggregatorConfig),
        clock,
        openMessaging,
        openDatabase,
        openSink: edges.openSink,
      }),
    )
    const shipperConfig = logShipperSettings.parse({ ...common, topic: 'logs.search-service', spoolSync: false })
    const shipper = await started(
      logShipper(shipperConfig, {
        telemetry: telemetryOf('log-shipper', shipperConfig),
        clock,
        openMessaging,
        openSpoolFolder: temporaryFolder,
        openInput: async () => streamInput(log.output),
      }),
    )
    const searchConfig = searchSettings.parse({
      ...common,
      grpcPort: config.grpcPort,
      logLevel: 'info',
      statsdPort: monitor.statsdPort,
    })
    const store = stallable(await openStore(await openDatabase()), edges.wait)
    const search = await started(
      searchService(searchConfig, {
        telemetry: telemetryOf('search-service', searchConfig, log.input),
        openStore: async () => store.store,
        registrar: discovery,
      }),
    )
    const client = createSearchClient(discoveryTarget('search-service'), { channel: discoveryOptions(discovery) })
    closers.push(async () => client.close())
    return {
      search,
      shipper,
      aggregator: aggregation,
      monitor,
      reactor: reaction,
      services: [search, shipper, aggregation, monitor, reaction],
      telemetries,
      client,
      stallNextRead: store.stallNextRead,
      droppedLogWrites: log.droppedWrites,
      endLog: () => log.input.end(),
      close,
    }
  } catch (fault) {
    await close()
    throw fault
  }
}

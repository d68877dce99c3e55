import { randomUUID } from 'node:crypto'
import { observed } from '@armature/database/observed'
import { migratedTemplate } from '@armature/database/migrated-template'
import { openDatabase } from '@armature/database/open'
import type { Registrar, Registration } from '@armature/discovery/ports'
import { type GrpcServer, openGrpcServer } from '@armature/service/grpc-server'
import type { Service } from '@armature/service/service'
import { openTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { descriptorSet } from './api.ts'
import { createCallLog } from './call-log.ts'
import type { Config } from './config.ts'
import { searchMethods } from './methods.ts'
import { migrations } from './migrations.ts'
import { openStore, type Store } from './store.ts'

const name = 'search-service'

/** What the service reaches the world by, apart from the gRPC port that its settings name. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly openStore: () => Promise<Store>
  /** Tells others where the service is. Without one nobody is told. */
  readonly registrar?: Registrar
}

/** The edges that the settings name. Nothing is opened yet but telemetry. */
export const realEdges = (config: Config): Edges => {
  const telemetry = openTelemetry({ service: name, config })
  const template = migratedTemplate(migrations)
  return {
    telemetry,
    openStore: async () => openStore(observed(await openDatabase(config.databaseUrl, { template }), telemetry)),
  }
}

export interface SearchService extends Service {
  /** `127.0.0.1:PORT` of the gRPC server. Throws before `start` resolved. */
  readonly address: string
}

/** Answers which things are at a point or have a name, over gRPC. */
export const searchService = (config: Config, edges: Edges = realEdges(config)): SearchService => {
  const { telemetry, registrar } = edges
  let store: Store | undefined
  let server: GrpcServer | undefined
  let registration: Registration | undefined
  const inFlight = () => server?.inFlight ?? 0
  const calls = createCallLog(telemetry, inFlight)

  return {
    name,
    telemetry,
    start: async (stopping) => {
      store = await edges.openStore()
      stopping?.throwIfAborted()
      server = await openGrpcServer({
        host: config.grpcHost,
        port: config.grpcPort,
        services: searchMethods({
          store,
          log: telemetry.log,
          found: calls.found,
          inFlight,
          maxInFlight: config.maxInFlight,
        }),
        descriptorSet,
        metrics: telemetry.metrics,
        onStart: calls.onStart,
        onFinish: calls.onFinish,
        ...(stopping === undefined ? {} : { stopping }),
      })
      const { host, port } = server
      registration = await registrar?.register({ id: `${name}-${randomUUID()}`, service: name, host, port })
    },
    deregister: async () => registration?.deregister(),
    stopIntake: async () => server?.stopIntake(),
    finish: async () => server?.finish(),
    close: async () => {
      await registration?.deregister()
      await server?.close()
      await store?.close()
    },
    ledger: () => [calls.ledger.snapshot()],
    addresses: () => (server === undefined ? [] : [{ label: 'gRPC', address: server.address }]),
    get waitsFor() {
      return config.databaseUrl.startsWith('embedded:')
        ? 'waits for gRPC calls; things are in an embedded database, empty and gone at the end: DATABASE_URL points at a real one'
        : 'waits for gRPC calls; things are in the database that DATABASE_URL names'
    },
    get address() {
      if (server === undefined) throw new Error('the address is known once start() has resolved')
      return server.address
    },
  }
}

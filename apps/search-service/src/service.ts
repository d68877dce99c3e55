import { randomUUID } from 'node:crypto'
import { instrumented } from '@armature/database/instrumented'
import { migratedTemplate } from '@armature/database/migrated-template'
import { openDatabase } from '@armature/database/open'
import { createRegistrar } from '@armature/discovery/registrar'
import type { Registrar, Registration } from '@armature/discovery/ports'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { type GrpcServer, openGrpcServer } from '@armature/service/grpc-server'
import { openTls, type RotatingTls } from '@armature/service/grpc-tls'
import type { Service } from '@armature/service/service'
import { socketPathOf } from '@armature/service/socket-path'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { descriptorSet } from '@armature/search-api/api'
import { createCallLog } from './call-log.ts'
import type { Config } from './config.ts'
import { searchMethods } from './methods.ts'
import { migrations } from './migrations.ts'
import { type Readiness, watchReadiness } from './readiness.ts'
import { openStore, type Store } from './store.ts'

const name = 'search-service'
const readinessIntervalMs = 1_000

const isEmbedded = ({ databaseUrl }: Pick<Config, 'databaseUrl'>): boolean => databaseUrl.startsWith('embedded:')

/** The edges of the service: its ways to the outside, apart from the gRPC port that its settings name. */
export interface Edges {
  readonly telemetry: Telemetry
  /** `stopping` is that of the start: what it waits for is given up then. */
  readonly openStore: (stopping?: AbortSignal) => Promise<Store>
  /** How often the database is asked whether it serves, in milliseconds. 0 = never: it is in this process. */
  readonly readinessIntervalMs?: number
  /** Tells others where the service is. Without one nobody is told. */
  readonly registrar?: Registrar | undefined
}

/** The edges that the settings name. Nothing is opened yet but telemetry. */
export const realEdges = (config: Config): Edges => {
  const telemetry = createTelemetry({ service: name, config })
  const template = migratedTemplate(migrations)
  return {
    telemetry,
    openStore: async (stopping) =>
      openStore(instrumented(await openDatabase(config.databaseUrl, { template }), telemetry), stopping),
    readinessIntervalMs: isEmbedded(config) ? 0 : readinessIntervalMs,
    registrar: registrarOf(config, telemetry),
  }
}

/** A socket in the file system is not for Consul: nobody is told. */
export const registrarOf = (config: Config, telemetry: Telemetry): Registrar | undefined => {
  if (socketPathOf(config.grpcHost) === undefined) return createRegistrar(config, telemetry, { check: checkOf(config) })
  if (config.consulRegister && config.consulHttpAddr !== undefined)
    telemetry.log.warn({ grpcHost: config.grpcHost }, 'not registered in Consul: others do not reach a socket')
  return undefined
}

/** How Consul's agent asks. It has no certificate that it could show. */
const checkOf = ({ grpcTlsCert, grpcTlsClientCa }: Config) => {
  if (grpcTlsClientCa !== undefined) return 'tcp'
  return grpcTlsCert === undefined ? 'grpc' : 'grpc+tls'
}

export interface SearchService extends Service {
  readonly telemetry: Telemetry
  /** `127.0.0.1:PORT` of the gRPC server. Throws before `start` resolved. */
  readonly address: string
}

/** Answers which things are at a point or have a name, over gRPC. */
export const searchService = (config: Config, edges: Edges): SearchService => {
  const { telemetry, registrar } = edges
  let store: Store | undefined
  let server: GrpcServer | undefined
  let tls: RotatingTls | undefined
  let readiness: Readiness | undefined
  let registration: Registration | undefined
  const inFlight = () => server?.inFlight ?? 0
  const notReady = () => readiness?.notReady() ?? []
  const calls = createCallLog(telemetry, inFlight)

  return {
    name,
    telemetry,
    start: async (stopping) => {
      tls = await openServerTls(config, telemetry)
      store = await edges.openStore(stopping)
      stopping?.throwIfAborted()
      const { readinessIntervalMs: intervalMs = 0 } = edges
      if (intervalMs > 0) readiness = watchReadiness({ store, log: telemetry.log, intervalMs })
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
        ready: () => notReady().length === 0,
        metrics: telemetry.metrics,
        onStart: calls.onStart,
        onFinish: calls.onFinish,
        ...limitsOf(config),
        ...(stopping === undefined ? {} : { stopping }),
        ...(tls === undefined ? {} : { credentials: tls.serverCredentials() }),
      })
      const { host, port } = server
      registration = await registrar?.register({ id: `${name}-${randomUUID()}`, service: name, host, port })
    },
    checks: ['database'],
    notReady,
    deregister: async () => registration?.deregister(),
    stopIntake: async () => server?.stopIntake(),
    finish: async () => server?.finish(),
    close: async () => {
      await registration?.deregister()
      readiness?.close()
      await server?.close()
      tls?.close()
      await store?.close()
    },
    ledger: () => [calls.ledger.snapshot()],
    addresses: () => (server === undefined ? [] : [{ label: 'gRPC', address: server.address }]),
    get waitsFor() {
      return isEmbedded(config)
        ? 'waits for gRPC calls; things are in an embedded database, empty and gone at the end: DATABASE_URL points at a real one'
        : 'waits for gRPC calls; things are in the database that DATABASE_URL names'
    },
    get address() {
      if (server === undefined) throw new Error('the address is known once start() has resolved')
      return server.address
    },
  }
}

const limitsOf = (config: Config) => {
  const { maxConnections, maxConcurrentStreams, maxMessageBytes, maxConnectionAgeMs, maxConnectionAgeGraceMs } = config
  return { maxConnections, maxConcurrentStreams, maxMessageBytes, maxConnectionAgeMs, maxConnectionAgeGraceMs }
}

const openServerTls = async (config: Config, telemetry: Telemetry): Promise<RotatingTls | undefined> => {
  const { grpcTlsCert: certFile, grpcTlsKey: keyFile, grpcTlsClientCa: caFile } = config
  if (certFile === undefined && keyFile === undefined && caFile === undefined) return undefined
  if (certFile !== undefined && keyFile !== undefined) return openTls({ certFile, keyFile, caFile }, telemetry)
  throw new ServiceError('TLS needs a certificate and its key', {
    exitCode: exitCodes.config,
    fix: 'Set both --grpc-tls-cert (env GRPC_TLS_CERT) and --grpc-tls-key (env GRPC_TLS_KEY)',
  })
}

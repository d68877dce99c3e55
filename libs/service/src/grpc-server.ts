import type { Http2Server, ServerHttp2Session } from 'node:http2'
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Metrics } from '@armature/telemetry/metrics'
import { afterOnTimer, deadlineIn } from './deadline.ts'
import { serviceName } from './descriptor-set.ts'
import { addHealth } from './grpc-health.ts'
import { callTracker, type FinishedCall, unknownCalls } from './grpc-interceptor.ts'
import { addressOf, listen } from './grpc-listener.ts'
import { addReflection } from './grpc-reflection.ts'
import { serviceMetrics } from './service-metrics.ts'

export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export interface GrpcServerOptions {
  /** A host, or `unix:PATH`: a socket in the file system. */
  host: string
  /** 0 = any free port. */
  port: number
  services: readonly GrpcService[]
  metrics: Metrics
  /** The compiled protos of the services, for reflection. Without it there is none. */
  descriptorSet?: Uint8Array
  /** The answer of the health service. It is asked often, so it must be cheap. Default: always ready. */
  ready?: () => boolean
  /** The signal that `Service.start` is given. Once it is aborted, health answers NOT_SERVING whatever `ready` says. */
  stopping?: AbortSignal
  /** Called once for each call that began, before its handler; not for health and reflection. */
  onStart?: () => void
  /** Called once for each call that ended, for a request log; not for health and reflection. */
  onFinish?: (call: FinishedCall) => void
  /** The bound of one message in either direction, also after decompression. Default 4 MiB; a larger one is RESOURCE_EXHAUSTED. */
  maxMessageBytes?: number
  /** Calls at once on one connection; more wait at the client. Default 1,000. */
  maxConcurrentStreams?: number
  /** Connections at once; one more is closed as soon as it is made. Default 1,000. */
  maxConnections?: number
  /**
   * A connection this old is told to go (GOAWAY) and its client makes a new one, perhaps to a new instance: so load spreads. A tenth
   * more or less by chance, that not all go at once. Default 30 minutes.
   */
  maxConnectionAgeMs?: number
  /** How long calls of such a connection may take to end before they are cut. Default 30 seconds. */
  maxConnectionAgeGraceMs?: number
  /** `RotatingTls.serverCredentials()`. Default: without TLS. */
  credentials?: ServerCredentials
}

export interface GrpcServer {
  readonly host: string
  readonly port: number
  /** `127.0.0.1:PORT`, or `unix:PATH` */
  readonly address: string
  /** Calls under way. */
  readonly inFlight: number
  /** Health answers NOT_SERVING, clients are told to go (GOAWAY), nothing new is accepted. */
  stopIntake(): Promise<void>
  /** Resolves when the calls under way have their answers. Call `stopIntake` first. */
  finish(): Promise<void>
  /** Ends at once what is left. Safe to call twice. */
  close(): Promise<void>
}

export const defaultMaxMessageBytes = 4 * 1024 * 1024
export const defaultMaxConcurrentStreams = 1_000
export const defaultMaxConnections = 1_000
export const defaultMaxConnectionAgeMs = 30 * 60_000
export const defaultMaxConnectionAgeGraceMs = 30_000

/** The longest time that a connection without calls may take to close: a peer that reads nothing does not see that it should. */
const connectionGraceMs = 1_000

/** A connection that went silent is found in 25 s: 15 s until a ping, 10 s for its answer. */
const keepaliveTimeMs = 15_000
const keepaliveTimeoutMs = 10_000

/**
 * A listening gRPC server with health, reflection, metrics and traces. A malformed message is answered INTERNAL by grpc-js
 * and counted like any other status. Rejects with the error of `listen` when the port cannot be had.
 */
export const openGrpcServer = async (options: GrpcServerOptions): Promise<GrpcServer> => {
  const { host, services, stopping, ready = () => true, maxMessageBytes = defaultMaxMessageBytes } = options
  const calls = callTracker(options)
  const server = new Server({
    interceptors: [calls.interceptor],
    // Its books of every call are for a service that is not served here.
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? defaultMaxConcurrentStreams,
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.max_connection_age_ms': options.maxConnectionAgeMs ?? defaultMaxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': options.maxConnectionAgeGraceMs ?? defaultMaxConnectionAgeGraceMs,
  })
  for (const { definition, implementation } of services) server.addService(definition, implementation)
  const names = services.map(({ definition }) => serviceName(definition))
  if (options.descriptorSet !== undefined) addReflection(server, options.descriptorSet)

  let connectionsEnded: Promise<unknown> | undefined
  const health = addHealth(server, names, ready)
  stopping?.addEventListener('abort', health.stop, { once: true })
  const injector = server.createConnectionInjector(options.credentials ?? ServerCredentials.createInsecure())
  const { handlers, http2Servers } = server as unknown as Internals
  const countUnknown = unknownCalls(new Set(handlers.keys()), options.metrics)
  for (const http2 of http2Servers.keys()) {
    http2.on('stream', countUnknown)
    // A handshake that was under way when the intake was stopped.
    http2.on('session', (session: ServerHttp2Session) => connectionsEnded !== undefined && session.close())
  }
  const listener = await listen(
    {
      host,
      port: options.port,
      maxConnections: options.maxConnections ?? defaultMaxConnections,
      onRefused: () => options.metrics.count(serviceMetrics.rpc_connections_refused_total),
    },
    (socket) => injector.injectConnection(socket),
  ).catch((error: unknown) => {
    health.stop()
    calls.close()
    throw error
  })
  const { port } = listener

  const stopIntake = (): Promise<void> => {
    if (connectionsEnded !== undefined) return Promise.resolve()
    connectionsEnded = listener.stop()
    server.tryShutdown(() => undefined)
    health.stop()
    calls.endServices()
    return Promise.resolve()
  }
  return {
    host,
    port,
    address: addressOf(host, port),
    get inFlight() {
      return calls.inFlight
    },
    stopIntake,
    finish: async () => {
      await calls.idle()
      const grace = deadlineIn(connectionGraceMs, afterOnTimer)
      await grace.within(connectionsEnded ?? Promise.resolve())
      grace.cancel()
    },
    close: async () => {
      await stopIntake()
      server.forceShutdown()
      await listener.close()
      calls.close()
    },
  }
}

/** Internals of grpc-js 1.14.7. Nothing else shows that a call has no handler. */
interface Internals {
  readonly handlers: ReadonlyMap<string, unknown>
  /** One: that of the injector. */
  readonly http2Servers: ReadonlyMap<Http2Server, unknown>
}

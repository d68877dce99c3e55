import { createServer } from 'node:net'
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Metrics } from '@armature/telemetry/metrics'
import { afterOnTimer, deadlineIn } from './deadline.ts'
import { serviceName } from './descriptor-set.ts'
import { addHealth } from './grpc-health.ts'
import { callTracker, type FinishedCall } from './grpc-interceptor.ts'
import { addReflection } from './grpc-reflection.ts'

export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export interface GrpcServerOptions {
  host: string
  /** 0 = any free port. */
  port: number
  services: readonly GrpcService[]
  metrics: Metrics
  /** The compiled protos of the services, for reflection. Without it there is none. */
  descriptorSet?: Uint8Array
  /** What the health service answers by; asked often, so it must be cheap. Default: always ready. */
  ready?: () => boolean
  /** What `Service.start` is given: once aborted, health answers NOT_SERVING whatever `ready` says. */
  stopping?: AbortSignal
  /** Called once for each call that began, before its handler; not for health and reflection. */
  onStart?: () => void
  /** Called once for each call that ended, for a request log; not for health and reflection. */
  onFinish?: (call: FinishedCall) => void
  /** Of one message, either way, also after decompression. Default 4 MiB; a larger one is RESOURCE_EXHAUSTED. */
  maxMessageBytes?: number
  /** Calls at once on one connection; more wait at the client. Default 1,000. */
  maxConcurrentStreams?: number
  /** Default: without TLS. */
  credentials?: ServerCredentials
}

export interface GrpcServer {
  readonly host: string
  readonly port: number
  /** `127.0.0.1:PORT` */
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

/** How long a connection without calls may take to close: a peer that reads nothing does not see that it should. */
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
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? defaultMaxConcurrentStreams,
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
  })
  for (const { definition, implementation } of services) server.addService(definition, implementation)
  const names = services.map(({ definition }) => serviceName(definition))
  if (options.descriptorSet !== undefined) addReflection(server, options.descriptorSet)

  if (options.port !== 0) await checkFree(host, options.port)
  const health = addHealth(server, names, ready)
  stopping?.addEventListener('abort', health.stop, { once: true })
  const bound = bind(server, hostPort(host, options.port), options.credentials ?? ServerCredentials.createInsecure())
  bound.catch(health.stop)
  const port = await bound

  let shutdown: Promise<void> | undefined
  const stopIntake = (): Promise<void> => {
    shutdown ??= new Promise((resolve) => server.tryShutdown(() => resolve()))
    health.stop()
    calls.endServices()
    return Promise.resolve()
  }
  return {
    host,
    port,
    address: hostPort(host, port),
    get inFlight() {
      return calls.inFlight
    },
    stopIntake,
    finish: async () => {
      await calls.idle()
      const grace = deadlineIn(connectionGraceMs, afterOnTimer)
      await grace.within(shutdown ?? Promise.resolve())
      grace.cancel()
    },
    close: async () => {
      await stopIntake()
      server.forceShutdown()
      calls.close()
    },
  }
}

const hostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

/** grpc-js tells of a taken port in a text only, and prints it as well; the error of `listen` has the code and the port. */
const checkFree = async (host: string, port: number): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const probe = createServer()
  probe.once('error', reject)
  probe.listen({ host, port }, () => probe.close(() => resolve()))
  await promise
}

const bind = async (server: Server, address: string, credentials: ServerCredentials): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error)))
  return promise
}

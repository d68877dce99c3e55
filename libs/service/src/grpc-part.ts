import { randomUUID } from 'node:crypto'
import { createLedger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Part } from './combine.ts'
import { type GrpcServer, type GrpcService, openGrpcServer } from './grpc-server.ts'

interface Registered {
  deregister(): Promise<void>
}

export interface GrpcPartOptions {
  /** The name of the service: that of its stage in the books, and the one by which others find it. */
  readonly name: string
  readonly config: { readonly grpcHost: string; readonly grpcPort: number }
  readonly telemetry: Telemetry
  readonly services: readonly GrpcService[]
  /** The compiled protos of the services, for reflection. */
  readonly descriptorSet?: Uint8Array
  /** The answer of the health service, asked often. Default: always ready. */
  readonly ready?: () => boolean
  /** Tells others where the server is (`createRegistrar` of libs/discovery). Default: nobody is told. */
  readonly registrar?:
    | {
        register(instance: { id: string; service: string; host: string; port: number }): Promise<Registered>
      }
    | undefined
}

/** The part of a service that answers gRPC calls: the server with its drain, its registration, and the books of its calls. */
export const createGrpcPart = (options: GrpcPartOptions): Part => {
  const { name, config, telemetry, registrar } = options
  let server: GrpcServer | undefined
  let registered: Registered | undefined
  const { metrics } = telemetry
  const ledger = createLedger({ stage: `${name}-grpc`, inFlight: () => server?.inFlight ?? 0, metrics })
  return {
    start: async (stopping) => {
      stopping?.throwIfAborted()
      server = await openGrpcServer({
        host: config.grpcHost,
        port: config.grpcPort,
        services: options.services,
        metrics,
        onStart: () => ledger.received(),
        onFinish: ({ answered }) => (answered ? ledger.acked() : ledger.dropped('cancelled')),
        ...(options.ready && { ready: options.ready }),
        ...(options.descriptorSet && { descriptorSet: options.descriptorSet }),
        ...(stopping && { stopping }),
      })
      const { host, port } = server
      registered = await registrar?.register({ id: `${name}-${randomUUID()}`, service: name, host, port })
    },
    deregister: async () => registered?.deregister(),
    stopIntake: async () => server?.stopIntake(),
    finish: async () => server?.finish(),
    close: async () => {
      await registered?.deregister()
      await server?.close()
    },
    ledger: () => [ledger.snapshot()],
    addresses: () => (server === undefined ? [] : [{ label: 'gRPC', address: server.address }]),
    waitsFor: 'waits for gRPC calls',
  }
}

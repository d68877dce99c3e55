import { commonSettings, databaseSettings } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
import { bytes, durationMs, host, integer, port, text } from '@armature/config/settings'
import { socketPathOf } from '@armature/service/socket-path'
import * as z from 'zod'

const accepts = 'a host name, an IP address or unix:PATH'
const hostOrSocket = () =>
  text()
    .refine((value) => socketPathOf(value) !== undefined || host().safeParse(value).success, {
      error: `is not ${accepts}`,
    })
    .meta({ accepts })

export const settings = z.object({
  ...commonSettings,
  ...databaseSettings,
  ...consulSettings,
  ...kvSettings,
  ...registrationSettings,
  grpcHost: hostOrSocket()
    .default('127.0.0.1')
    .meta({ description: 'Address of the gRPC server: a host, or unix:PATH for a socket in the file system' }),
  grpcPort: port().default(0).meta({ description: 'Port of the gRPC server (0 = any free one)' }),
  workers: integer({ min: 1, max: 64 })
    .default(1)
    .meta({ description: 'Processes that serve on one port (1 = this one); each has its own bounds' }),
  maxInFlight: integer({ min: 1, max: 100_000 })
    .default(1_000)
    .meta({ description: 'Calls answered at once; more are RESOURCE_EXHAUSTED' }),
  maxConnections: integer({ min: 1, max: 100_000 })
    .default(1_000)
    .meta({ description: 'Connections at once; one more is closed' }),
  maxConcurrentStreams: integer({ min: 1, max: 100_000 })
    .default(1_000)
    .meta({ description: 'Calls at once on one connection; more wait at the client' }),
  maxMessageBytes: bytes({ min: 1_024, max: 64 * 1024 * 1024 })
    .default(4 * 1024 * 1024)
    .meta({ description: 'Largest message, in bytes' }),
  maxConnectionAgeMs: durationMs({ min: 1_000 })
    .default(30 * 60_000)
    .meta({ description: 'Age at which a connection is made anew, so that load spreads, in milliseconds' }),
  maxConnectionAgeGraceMs: durationMs({ min: 1 })
    .default(30_000)
    .meta({ description: 'Time for the calls of such a connection to end, in milliseconds' }),
  grpcTlsCert: text()
    .optional()
    .meta({ description: 'PEM file of the certificate; read again when it changes (none = no TLS)' }),
  grpcTlsKey: text().optional().meta({ description: 'PEM file of the key of the certificate' }),
  grpcTlsClientCa: text()
    .optional()
    .meta({ description: 'PEM file of the authorities of clients; each client must then show a certificate' }),
})

export type Config = Readonly<z.infer<typeof settings>>

import { commonSettings, databaseSettings } from '@armature/config/common'
import { host, integer, port } from '@armature/config/settings'
import { z } from 'zod'

export const settings = z.object({
  ...commonSettings,
  ...databaseSettings,
  grpcHost: host().default('127.0.0.1').meta({ description: 'Address of the gRPC server' }),
  grpcPort: port().default(0).meta({ description: 'Port of the gRPC server (0 = any free one)' }),
  maxInFlight: integer({ min: 1, max: 100_000 })
    .default(1_000)
    .meta({ description: 'Calls answered at once; more are RESOURCE_EXHAUSTED' }),
})

export type Config = Readonly<z.infer<typeof settings>>

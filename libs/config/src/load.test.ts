import { expect, test } from 'vitest'
import { z } from 'zod'
import { commonSettings } from './common.ts'
import { loadConfig } from './load.ts'
import { port } from './settings.ts'

const settings = z.object({ ...commonSettings, grpcPort: port().default(0).meta({ description: 'gRPC port' }) })

test('the flag is stronger than the environment', () => {
  const { config } = loadConfig({ name: 'x', settings, argv: ['--grpc-port', '1'], env: { GRPC_PORT: '2' } })
  expect(config.grpcPort).toBe(1)
})

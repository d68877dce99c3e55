import { join } from 'node:path'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, expect, test } from 'vitest'

const main = join(import.meta.dirname, '../src/main.ts')
let program: Program | undefined
afterEach(() => program?.kill())

const env = { PATH: process.env['PATH'], STATSD_PORT: '0' }

test('half of the TLS settings is a fault of the settings', { timeout: 120_000 }, async () => {
  program = startProgram(process.execPath, [main, '--grpc-tls-cert=/nowhere/server.pem'], { env })
  await program.until(/GRPC_TLS_KEY/, 60_000)
  expect(await program.ended(60_000)).toMatchObject({ code: 78 })
})

import { expect, test } from 'vitest'
import * as z from 'zod'
import { ConfigError } from './faults.ts'
import { loadConfig } from './load.ts'
import { port, text } from './settings.ts'

const settings = z.object({
  grpcPort: port().default(0).meta({ description: 'gRPC port' }),
  name: text().optional(),
})
const { explain } = loadConfig({
  name: 'demo',
  settings,
  argv: ['--grpc-port=1'],
  env: { GRPC_PORT: 'x' },
  layers: { kv: { grpcPort: '3' } },
})

test('tells which layer won and what the others hold', () => {
  expect(explain('grpcPort')).toBe(
    [
      'grpcPort: gRPC port',
      '  flag --grpc-port: "1"  <- wins',
      '  env GRPC_PORT: "x" (is not a number)',
      '  KV grpcPort: "3"',
      '  file: not set',
      '  default: 0',
    ].join('\n'),
  )
})

test('tells that no layer sets it', () => {
  expect(explain('name')).toContain('no layer sets it')
})

test.each(['grpcPort', 'grpc-port', '--grpc-port', 'GRPC_PORT'])('knows the setting as %s', (key) => {
  expect(explain(key)).toMatch(/^grpcPort/)
})

test('without a key explains all', () => {
  expect(explain()).toMatch(/^grpcPort[^]*\nname/)
})

test('an unknown key is a fault that names the nearest', () => {
  expect(() => explain('grpcPrt')).toThrow(ConfigError)
  expect(() => explain('grpcPrt')).toThrow('did you mean grpcPort?')
})

test('is there in the face of faults too', () => {
  try {
    loadConfig({ name: 'demo', settings, argv: [], env: { GRPC_PORT: 'x' } })
    expect.unreachable()
  } catch (error) {
    expect((error as ConfigError).explain('grpcPort')).toContain('env GRPC_PORT: "x" (is not a number)  <- wins')
  }
})

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@armature/database/database'
import { createClientTarget } from '@armature/discovery/client-target'
import { startProgram, type Program } from '@armature/servers/program'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createSearchClient } from '@armature/search-api/client'
import { openAreas, startSearch } from './server.ts'

const main = join(import.meta.dirname, '../src/main.ts')
let database: Database
let folder: string
let path: string
const ends: (() => unknown)[] = []
beforeAll(async () => {
  database = await openAreas()
}, 120_000)
afterAll(() => database.close(), 30_000)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'socket-test-'))
  path = join(folder, 'search.sock')
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  rmSync(folder, { recursive: true, force: true })
})

const serve = async () => {
  const running = await startSearch({ database, config: { grpcHost: `unix:${path}` } })
  ends.push(() => running.close())
  return running
}
const searched = async (address: string) => {
  const { target, options } = createClientTarget(address)
  const client = createSearchClient(target, { channel: options })
  ends.push(() => client.close())
  const { results } = await client.search({ point: { lat: 5, lng: 2 } })
  return results.map(({ name }) => name)
}
const launch = (...args: readonly string[]): Program => {
  const env = { PATH: process.env['PATH'], STATSD_PORT: '0', LOG_LEVEL: 'warn' }
  const program = startProgram(process.execPath, [main, ...args], { env })
  ends.push(() => program.kill())
  return program
}

test('bug: a server on a socket could neither be named nor called', async () => {
  const { service } = await serve()
  expect(service.address).toBe(`unix:${path}`)
  expect(await searched(service.address)).toEqual(['Area a'])
  expect(await searched(`unix://${path}`)).toEqual(['Area a'])
}, 60_000)

test('a drain answers what is in flight, and the socket is gone', async () => {
  const { service, drain } = await serve()
  expect(await searched(service.address)).toEqual(['Area a'])
  await drain()
  expect(existsSync(path)).toBe(false)
}, 60_000)

test('the socket of a killed process is taken over, that of a living one is not, and a file never', async () => {
  const killed = launch('--grpc-host', `unix:${path}`)
  await killed.until(/gRPC\s+unix:/, 60_000)
  await expect(serve()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  killed.signal('SIGKILL')
  await killed.ended()
  expect(existsSync(path)).toBe(true)
  const { drain, service } = await serve()
  expect(await searched(service.address)).toEqual(['Area a'])
  await drain()
  writeFileSync(path, 'precious')
  await expect(serve()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(existsSync(path)).toBe(true)
}, 120_000)

test('a path that is too long is refused with its length', async () => {
  path = join(folder, 'x'.repeat(120))
  await expect(serve()).rejects.toThrow('at most 107 bytes')
})

import { join } from 'node:path'
import { openDatabase } from '@armature/database/open'
import { createClientTarget } from '@armature/discovery/client-target'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { type Program, startProgram } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createSearchClient } from '@armature/search-api/client'
import { importThings } from '../src/import-things.ts'
import { underLoad } from './load.ts'
import { areas } from './server.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const programs: Program[] = []
let server: RunningServer
beforeAll(async () => {
  server = await startPostgres()
  const database = await openDatabase(server.url)
  await importThings(database, areas)
  await database.close()
}, serverDeadlineMs)
afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))
afterAll(() => server.stop(), 60_000)

const start = async (...args: readonly string[]) => {
  const env = { PATH: process.env['PATH'], STATSD_PORT: '0', LOG_LEVEL: 'warn', DATABASE_URL: server.url }
  const program = startProgram(process.execPath, [main, ...args], { env })
  programs.push(program)
  const [, address = ''] = await program.until(/gRPC\s+(127\.0\.0\.1:\d+)/, 60_000)
  return { program, address }
}

/** Searches of one client that knows these, eight at a time. */
const loadOn = (...addresses: readonly string[]) => {
  const { target, options } = createClientTarget(`static:///${addresses.join(',')}`)
  const client = createSearchClient(target, { channel: options })
  return underLoad(Array.from({ length: 8 }, () => client))
}

test('one of two that is stopped under load leaves with no failed call', { timeout: 120_000 }, async () => {
  const [one, other] = await Promise.all([start(), start()])
  const load = loadOn(one.address, other.address)
  await load.more(200)
  one.program.signal('SIGTERM')
  expect(await one.program.ended(20_000)).toEqual({ code: 0, signal: null })
  await load.more(200)
  expect(await load.stop()).toEqual([])
  other.program.signal('SIGTERM')
  expect(await other.program.ended(20_000)).toEqual({ code: 0, signal: null })
})

test(
  'one of two that is killed under load takes no call with it either: the client tries again',
  { timeout: 120_000 },
  async () => {
    const [one, other] = await Promise.all([start(), start()])
    const load = loadOn(one.address, other.address)
    await load.more(200)
    one.program.signal('SIGKILL')
    await load.more(200)
    expect(await load.stop()).toEqual([])
  },
)

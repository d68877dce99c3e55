import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@armature/database/open'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { type Program, startProgram } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi, onTestFinished } from 'vitest'
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

const launch = (args: readonly string[], url = server.url) => {
  const env = { PATH: process.env['PATH'], STATSD_PORT: '0', LOG_LEVEL: 'warn', DATABASE_URL: url }
  const program = startProgram(process.execPath, [main, '--workers', '2', ...args], { env })
  programs.push(program)
  return program
}
const start = async (...args: readonly string[]) => {
  const program = launch(args)
  const [, address = ''] = await program.until(/gRPC\s+(127\.0\.0\.1:\d+)/, 60_000)
  const [, admin = ''] = await program.until(/admin (http:\S+)/)
  const read = async (path: string) => (await fetch(`${admin}${path}`)).text()
  return { program, address, read }
}

/** Linux only, as the test that uses it. */
const workersOf = ({ pid }: Program) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Searches of six clients, each over a connection of its own. */
const loadOn = (address: string) => {
  const channel = { 'grpc.use_local_subchannel_pool': 1 }
  return underLoad(Array.from({ length: 6 }, () => createSearchClient(address, { channel })))
}

describe('two workers', { timeout: 120_000 }, () => {
  test('share a socket in the file system', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'workers-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const address = `unix:${join(folder, 'search.sock')}`
    const program = launch(['--grpc-host', address])
    await program.until(/gRPC\s+unix:/, 60_000)
    const load = loadOn(address)
    await load.more(100)
    const [first = 0] = workersOf(program)
    process.kill(first, 'SIGKILL')
    await load.more(100)
    program.signal('SIGTERM')
    expect(await program.ended(20_000)).toMatchObject({ signal: null })
    await load.stop()
    expect(existsSync(address.slice('unix:'.length))).toBe(false)
  })

  test('share the port, the books and /metrics; a stop under load drains both', async () => {
    const { program, address, read } = await start()
    const load = loadOn(address)
    await load.more(100)
    expect(await load.stop()).toEqual([])
    await vi.waitFor(async () => {
      const metrics = await read('/metrics')
      const counts = [...metrics.matchAll(/^search_count_total\{worker="(\d)"\} (\d+)$/gm)].map((one) => Number(one[2]))
      expect(counts).toHaveLength(2)
      for (const count of counts) expect(count).toBeGreaterThan(10)
    }, 10_000)
    expect(await read('/readyz')).toBe('ok')

    const client = createSearchClient(address, { channel: { 'grpc.enable_retries': 0 } })
    const inFlight = Promise.allSettled(Array.from({ length: 100 }, () => client.search({ query: 'a' })))
    program.signalGroup('SIGINT')
    for (const outcome of await inFlight) {
      // Calls that had not begun when the intake stopped may be sent elsewhere: UNAVAILABLE, never anything else.
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 14 })
    }
    client.close()
    expect(await program.ended(20_000)).toEqual({ code: 0, signal: null })
  })

  test.runIf(process.platform === 'linux')('one that is killed under load is replaced, and no call fails', async () => {
    const { program, address, read } = await start()
    const load = loadOn(address)
    await load.more(100)
    const [first = 0, second = 0] = workersOf(program)
    process.kill(first, 'SIGKILL')
    await vi.waitFor(() => {
      const now = workersOf(program)
      expect(now).toHaveLength(2)
      expect(now).toContain(second)
    }, 20_000)
    await load.more(200)
    expect(await load.stop()).toEqual([])
    expect(await read('/metrics')).toMatch(/^worker_crashes_total 1$/m)
    program.signal('SIGTERM')
    expect(await program.ended(20_000)).toEqual({ code: 0, signal: null })
  })

  test.runIf(process.platform === 'linux')(
    'bug: one that hangs was kept for ever; it is not ready, then replaced, and calls go on elsewhere',
    async () => {
      const { program, address, read } = await start()
      const load = loadOn(address)
      await load.more(100)
      const [first = 0, second = 0] = workersOf(program)
      process.kill(first, 'SIGSTOP')
      await vi.waitFor(
        async () => expect(await read('/readyz')).toMatch(/workers failed: worker \d has not answered/),
        {
          timeout: 30_000,
          interval: 100,
        },
      )
      expect(await read('/livez')).toBe('ok')
      await vi.waitFor(
        () => {
          const now = workersOf(program)
          expect(now).toHaveLength(2)
          expect(now).toContain(second)
          expect(now).not.toContain(first)
        },
        { timeout: 30_000, interval: 100 },
      )
      await vi.waitFor(async () => expect(await read('/readyz')).toBe('ok'), { timeout: 30_000, interval: 100 })
      await load.more(200)
      expect(await load.stop()).toEqual([])
      const client = createSearchClient(address)
      expect((await client.search({ point: { lat: 5, lng: 12 } })).results).toHaveLength(1)
      client.close()
      expect(await read('/metrics')).toMatch(/^worker_crashes_total 1$/m)
      program.signal('SIGTERM')
      expect(await program.ended(20_000)).toEqual({ code: 0, signal: null })
      expect(program.output()).toContain('no answer for')
    },
  )

  test.runIf(process.platform === 'linux')(
    'one that hangs while the service drains does not hold up its end',
    async () => {
      const { program } = await start('--drain-deadline-ms', '60000')
      const [first = 0] = workersOf(program)
      process.kill(first, 'SIGSTOP')
      program.signal('SIGTERM')
      expect(await program.ended(40_000)).toEqual({ code: 70, signal: null })
    },
  )

  test.runIf(process.platform === 'linux')(
    'one that is killed while it is handed a connection does not keep it: bug, its client waited for ever',
    { timeout: 60_000 },
    async () => {
      const { program, address } = await start()
      const [first = 0] = workersOf(program)
      process.kill(first, 'SIGSTOP')
      const [host = '', port = ''] = address.split(':')
      const ends = [1, 2].map(async () => {
        const socket = connect({ host, port: Number(port) })
        socket.on('error', () => undefined)
        onTestFinished(() => void socket.destroy())
        return Promise.race(['data', 'close'].map((event) => once(socket, event).then(() => event)))
      })
      expect(await Promise.any(ends)).toBe('data')
      process.kill(first, 'SIGKILL')
      expect((await Promise.all(ends)).toSorted()).toEqual(['close', 'data'])
    },
  )

  test.runIf(process.platform === 'linux')('that crash again and again end the service with 70', async () => {
    const { program } = await start()
    const killed = new Set<number>()
    const end = program.ended(60_000)
    const killer = setInterval(() => {
      try {
        for (const pid of workersOf(program)) if (!killed.has(pid) && killed.add(pid)) process.kill(pid, 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
    }, 50)
    expect(await end.finally(() => clearInterval(killer))).toEqual({ code: 70, signal: null })
    expect(program.output()).toMatch(/workers crashed 6 times in 60 s/)
  })

  test.runIf(process.platform === 'linux')(
    'end by themselves when the process that started them is killed',
    async () => {
      const { program } = await start()
      const workers = workersOf(program)
      program.signal('SIGKILL')
      await vi.waitFor(() => expect(workers.filter(isAlive)).toEqual([]), 20_000)
    },
  )
})

describe('what workers cannot have', { timeout: 120_000 }, () => {
  test('a port that is taken ends the start with 69 and names the setting', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    try {
      const program = launch(['--grpc-port', String(port)])
      expect(await program.ended(60_000)).toEqual({ code: 69, signal: null })
      expect(program.output()).toContain('--grpc-port')
    } finally {
      holder.close()
    }
  })

  test.each([
    { what: 'an embedded database', url: 'embedded:', code: 78, says: '--workers to 1' },
    { what: 'a server that is away', url: 'postgres://u:canary@127.0.0.1:1/x', code: 69, says: '127.0.0.1' },
  ])('$what ends it with $code', async ({ url, code, says }) => {
    const program = launch([], url)
    expect(await program.ended(60_000)).toEqual({ code, signal: null })
    expect(program.output()).toContain(says)
    expect(program.output()).not.toContain('canary')
  })
})

test('workers answer until Consul was told that they leave', async () => {
  const told = Promise.withResolvers<() => void>()
  const consul = createHttpServer((request, response) => {
    const answer = () => void response.end('{}')
    if (request.url?.includes('/service/deregister/')) told.resolve(answer)
    else answer()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    consul.closeAllConnections()
    consul.close()
  })
  await once(consul, 'listening')
  const { port } = consul.address() as AddressInfo
  const { program, address } = await start(`--consul-http-addr=127.0.0.1:${port}`, '--no-config-kv')
  program.signal('SIGTERM')
  const letGo = await told.promise
  const client = createSearchClient(address)
  expect((await client.search({ point: { lat: 5, lng: 12 } })).results).toHaveLength(1)
  client.close()
  letGo()
  expect(await program.ended()).toEqual({ code: 0, signal: null })
}, 60_000)

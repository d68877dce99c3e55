import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { consulProgram } from '../src/consul-build.ts'
import { startConsul } from '../src/consul.ts'
import { execute } from '../src/execute.ts'
import { serverDeadlineMs } from '../src/fixture.ts'
import { type RunningGraphite, startGraphite } from '../src/graphite.ts'
import { marked } from '../src/leftovers.ts'
import { startOpensearch } from '../src/opensearch.ts'
import { startPostgres } from '../src/postgres.ts'
import { accepts } from '../src/running.ts'
import type { RunningServer } from '../src/server.ts'
import { startToxiproxy } from '../src/toxiproxy.ts'

const limitMs = 120_000
const mark = crypto.randomUUID()
const env = { ...process.env, SERVER_MARK: mark }
const systemTemporary = process.env['TMPDIR']
let room: string
let servers: RunningServer[] = []

const started = async <Kind extends RunningServer>(server: Promise<Kind>): Promise<Kind> => {
  servers.push(await server)
  return server
}
const json = async (url: string, options: RequestInit = {}): Promise<unknown> => {
  const response = await fetch(url, { ...options, headers: { 'content-type': 'application/json' } })
  expect(`${url} ${response.status}`).toMatch(/ 20\d$/)
  return response.json()
}

/** The servers put their data into a folder that has to be empty in the end. */
beforeAll(async () => {
  room = await mkdtemp(join(tmpdir(), 'kinds-'))
  await execute('chmod', ['711', room], { deadlineMs: limitMs })
  process.env['TMPDIR'] = room
})
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  servers = []
})
afterAll(async () => {
  if (systemTemporary === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = systemTemporary
  await rm(room, { recursive: true, force: true })
})

/** Uses the server, crashes it, and asks again for what must outlive a crash. */
const outlivesCrash = async (server: RunningServer, use: () => Promise<void>, ask: () => Promise<void>) => {
  const port = Number(new URL(server.url).port)
  await use()
  await vi.waitFor(ask, { timeout: limitMs, interval: 50 })
  await server.crash()
  expect(await accepts(port)).toBe(false)
  await server.restart()
  await vi.waitFor(ask, { timeout: limitMs, interval: 50 })
}

const leavesNothing = async (server: RunningServer) => {
  await server.stop()
  await server.stop()
  expect(await accepts(Number(new URL(server.url).port))).toBe(false)
  await vi.waitFor(() => expect(marked('SERVER_MARK', mark)).toEqual([]))
  expect(await readdir(room)).toEqual([])
}

test('postgres keeps its data over a crash', { timeout: serverDeadlineMs }, async () => {
  const server = await started(startPostgres(env))
  const psql = async (sql: string) =>
    execute('/usr/bin/env', ['psql', '-X', '-t', '-A', '-c', sql, server.url], { deadlineMs: limitMs, env })
  const use = async () => void (await psql('create table t as select 7 as x'))
  const ask = async () => expect((await psql('select x from t')).trim()).toBe('7')
  await outlivesCrash(server, use, ask)
  await leavesNothing(server)
})

describe('consul', { timeout: serverDeadlineMs }, () => {
  test('answers by HTTP and DNS, and keeps its catalogue and keys over a crash', async () => {
    const consul = await started(startConsul({ env }))
    const resolver = new Resolver()
    resolver.setServers([`127.0.0.1:${consul.dnsPort}`])
    const service = { Node: 'far', Address: '10.9.8.7', Service: { Service: 'search', Port: 4321 } }
    const use = async () => {
      await json(`${consul.url}/v1/catalog/register`, { method: 'PUT', body: JSON.stringify(service) })
      await json(`${consul.url}/v1/kv/colour`, { method: 'PUT', body: 'green' })
    }
    const ask = async () => {
      expect(await (await fetch(`${consul.url}/v1/kv/colour?raw`)).text()).toBe('green')
      expect(await resolver.resolveSrv('search.service.consul')).toMatchObject([{ port: 4321 }])
      expect(await accepts(consul.grpcPort)).toBe(true)
    }
    await outlivesCrash(consul, use, ask)
    await leavesNothing(consul)
  })

  test('with ACLs denies who has no token', async () => {
    const consul = await started(startConsul({ acl: true }))
    const put = (headers: Record<string, string>) =>
      fetch(`${consul.url}/v1/kv/x`, { method: 'PUT', body: '1', headers })
    expect((await put({})).status).toBe(403)
    await vi.waitFor(
      async () => expect((await put({ 'x-consul-token': consul.token ?? '' })).status).toBe(200),
      limitMs,
    )
  })

  test('with TLS speaks no plain HTTP, and may ask for a certificate', async () => {
    const program = await consulProgram()
    const folder = await mkdtemp(join(room, 'certificates-'))
    const make = (...args: string[]) => execute(program, ['tls', ...args], { deadlineMs: limitMs, cwd: folder })
    await make('ca', 'create')
    await make('cert', 'create', '-server')
    const at = (name: string) => join(folder, name)
    const [ca, cert, key] = ['consul-agent-ca.pem', 'dc1-server-consul-0.pem', 'dc1-server-consul-0-key.pem'].map(at)
    const tls = { ca: ca!, cert: cert!, key: key!, verifyIncoming: true }
    const consul = await started(startConsul({ tls }))
    const get = (files: object) =>
      new Promise((resolve, reject) => {
        const asked = request(`${consul.url}/v1/status/leader`, files, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        asked.once('error', reject).end()
      })
    const authority = await readFile(tls.ca)
    const own = { ca: authority, cert: await readFile(tls.cert), key: await readFile(tls.key) }
    expect(await get(own)).toBe(200)
    await expect(get({ ca: authority })).rejects.toThrow()
    expect((await fetch(consul.url.replace('https', 'http'))).status).toBe(400)
    await rm(folder, { recursive: true })
  })
})

describe('graphite', { timeout: serverDeadlineMs }, () => {
  const points = async (graphite: RunningGraphite, target: string) => {
    const found = (await json(`${graphite.url}/render?target=${target}&from=-60s&format=json`)) as {
      datapoints: [number | null, number][]
    }[]
    return found.flatMap(({ datapoints }) => datapoints.flatMap(([value]) => (value === null ? [] : [value])))
  }

  test('shows what StatsD was sent by UDP within some seconds, and keeps it over a crash', async () => {
    const graphite = await started(startGraphite({ env }))
    expect(graphite.variables).toEqual({ STATSD_HOST: '127.0.0.1', STATSD_PORT: String(graphite.statsdPort) })
    const use = async () => {
      const socket = createSocket('udp4')
      socket.send('books.read:7|c\nbooks.time:320|ms', graphite.statsdPort, '127.0.0.1', () => socket.close())
    }
    const ask = async () => {
      expect(await points(graphite, 'stats.counters.books.read.count')).toContain(7)
      expect(await points(graphite, 'stats.timers.books.time.mean')).toContain(320)
    }
    await outlivesCrash(graphite, use, ask)
    await leavesNothing(graphite)
  })
})

test('opensearch keeps what it was given in bulk over a crash', { timeout: serverDeadlineMs }, async () => {
  const server = await started(startOpensearch({ env }))
  const lines = [{ index: { _index: 'books', _id: '1' } }, { title: 'Ulysses' }]
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  const use = async () => {
    expect(await json(`${server.url}/_bulk?refresh=true`, { method: 'POST', body })).toMatchObject({ errors: false })
  }
  const ask = async () =>
    expect(await json(`${server.url}/books/_doc/1`)).toMatchObject({ _source: { title: 'Ulysses' } })
  await outlivesCrash(server, use, ask)
  await leavesNothing(server)
})

describe('toxiproxy', { timeout: serverDeadlineMs }, () => {
  let upstream: Server
  beforeAll(async () => {
    upstream = createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => void upstream.close())

  test('passes on, and cuts when it is told to', async () => {
    const server = await started(startToxiproxy({ env }))
    const { url } = server
    const to = upstream.address() as { port: number }
    const body = JSON.stringify({ name: 'way', listen: '127.0.0.1:0', upstream: `127.0.0.1:${to.port}` })
    const { listen } = (await json(`${url}/proxies`, { method: 'POST', body })) as { listen: string }
    const ask = () => fetch(`http://${listen}`, { headers: { connection: 'close' } })
    expect(await (await ask()).text()).toBe('hello')
    await json(`${url}/proxies/way`, { method: 'POST', body: JSON.stringify({ enabled: false }) })
    await expect(ask()).rejects.toThrow()
    await leavesNothing(server)
  })
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '@armature/database/open'
import { type ConsulClient, createConsulClient } from '@armature/discovery/consul-client'
import { createClientTarget } from '@armature/discovery/client-target'
import { srvResolver } from '@armature/discovery/srv-resolver'
import { dig } from '@armature/servers/clients'
import { type RunningConsul, startConsul } from '@armature/servers/consul'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { type Program, startProgram } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createSearchClient } from '@armature/search-api/client'
import { importThings } from '../src/import-things.ts'
import { underLoad } from './load.ts'
import { areas } from './server.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const checkIntervalMs = 1_000
const folder = mkdtempSync(join(tmpdir(), 'search-consul-'))
const data = join(folder, 'consul')
const programs: Program[] = []
const closers: (() => void)[] = []
let postgres: RunningServer
let consul: RunningConsul
let agent: ConsulClient

beforeAll(async () => {
  ;[postgres, consul] = await Promise.all([startPostgres(), startConsul({ settings: { data_dir: data } }), dig()])
  agent = createConsulClient({ consulHttpAddr: consul.url })
  const database = await openDatabase(postgres.url)
  await importThings(database, areas)
  await database.close()
}, serverDeadlineMs)
afterEach(async () => {
  for (const close of closers.splice(0)) close()
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await fetch(`${consul.url}/v1/kv/config?recurse`, { method: 'DELETE' })
  const known = await agent.instances('search-service', { failing: true })
  for (const { id } of known.value) await agent.deregister(id)
}, 60_000)
afterAll(async () => {
  agent?.close()
  await Promise.all([consul?.stop(), postgres?.stop()])
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

/** A process that serves on a random port and follows Consul. */
const launch = async (env: Record<string, string> = {}) => {
  const program = startProgram(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      STATSD_PORT: '0',
      DATABASE_URL: postgres.url,
      CONSUL_HTTP_ADDR: consul.url,
      CONSUL_CHECK_INTERVAL_MS: String(checkIntervalMs),
      CONFIG_KV_SPLAY_MS: '100',
      XDG_STATE_HOME: folder,
      ...env,
    },
  })
  programs.push(program)
  const [, address = ''] = await program.until(/gRPC\s+(127\.0\.0\.1:\d+)/, 60_000)
  const [, admin = ''] = await program.until(/admin (http:\S+)/)
  const counted = async (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await read('/metrics'))?.[1])
  const read = async (path: string) => (await fetch(`${admin}${path}`)).text()
  return { ...program, address, counted, read }
}
const put = async (path: string, body?: string) => {
  const answer = await fetch(`${consul.url}/v1/${path}`, { method: 'PUT', ...(body === undefined ? {} : { body }) })
  expect(answer.status).toBe(200)
}
const setting = (key: string, value: string) => put(`kv/config/search-service/${key}`, value)

const byHealth = async () =>
  (await agent.instances('search-service')).value.map(({ host, port }) => `${host}:${port}`).toSorted()
const bySrv = async () => {
  const dns = srvResolver({ nameOf: () => 'search-service.service.consul', servers: [`127.0.0.1:${consul.dnsPort}`] })
  return (await dns.resolve('search-service')).map(({ host, port }) => `${host}:${port}`).toSorted()
}
/** The ports that dig shows, as text. */
const byDig = async () => {
  const question = ['@127.0.0.1', '-p', String(consul.dnsPort), 'search-service.service.consul', 'SRV', '+short']
  const answer = await execute(await dig(), question, { deadlineMs: 20_000 })
  return [...answer.matchAll(/^1 1 (\d+) 7f000001\.addr\.dc1\.consul\.$/gm)].map(([, port]) => port).toSorted()
}
/** Both ways say these, and nothing else. */
const found = (...addresses: readonly string[]) =>
  vi.waitFor(
    async () => expect([await byHealth(), await bySrv()]).toEqual([addresses.toSorted(), addresses.toSorted()]),
    { timeout: 40_000, interval: 50 },
  )

const openClient = (target: string) => {
  const opened = createClientTarget(target, { consul: agent })
  const channel = { ...opened.options, 'grpc.use_local_subchannel_pool': 1 }
  const client = createSearchClient(opened.target, { channel })
  closers.push(() => client.close())
  return client
}
const targets = () => ['consul:///search-service', `consul://127.0.0.1:${consul.dnsPort}/search-service`]

/** Searches of one client, eight at a time. */
const loadOn = (target: string) => {
  const client = openClient(target)
  return underLoad(Array.from({ length: 8 }, () => client))
}

describe('two instances', { timeout: 120_000 }, () => {
  test('are found by SRV, as dig shows, and by health, and share the calls evenly', async () => {
    const [first, second] = await Promise.all([launch(), launch()])
    await found(first.address, second.address)
    expect(await byDig()).toEqual([first, second].map(({ address }) => address.split(':')[1]).toSorted())
    for (const target of targets()) {
      const client = openClient(target)
      await vi.waitFor(async () => {
        const before = [await first.counted('search_count_total'), await second.counted('search_count_total')]
        for (let call = 0; call < 40; call += 1) await client.search({ query: 'area' })
        const after = [await first.counted('search_count_total'), await second.counted('search_count_total')]
        expect(after.map((count, at) => count - (before[at] || 0))).toEqual([20, 20])
      }, 20_000)
    }
  })

  test('one that is killed leaves both answers within its check interval, also just after a check', async () => {
    const intervalMs = 3_000
    /** Time for the check itself, for the notification and for a busy machine. One more interval would be too late. */
    const marginMs = 1_000
    const slow = { CONSUL_CHECK_INTERVAL_MS: String(intervalMs) }
    const first = await launch(slow)
    await found(first.address)
    const second = await launch(slow)
    await found(first.address, second.address)
    const killedAt = performance.now()
    second.signal('SIGKILL')
    await found(first.address)
    expect(performance.now() - killedAt).toBeLessThan(intervalMs + marginMs)
  })

  test('one that is stopped under load leaves, and no call fails', async () => {
    const [first, second] = await Promise.all([launch(), launch()])
    await found(first.address, second.address)
    const load = loadOn('consul:///search-service')
    await load.more(200)
    second.signal('SIGTERM')
    expect(await second.ended(30_000)).toEqual({ code: 0, signal: null })
    expect(await byHealth()).toEqual([first.address])
    await load.more(200)
    expect(await load.stop()).toEqual([])
  })

  test('outlive Consul: clients go on while it is away, and both are back when it comes back empty', async () => {
    const [first, second] = await Promise.all([launch(), launch()])
    await found(first.address, second.address)
    const loads = targets().map(loadOn)
    for (const load of loads) await load.more(50)
    await consul.crash()
    try {
      for (const load of loads) await load.more(200)
      rmSync(data, { recursive: true })
    } finally {
      await consul.restart()
    }
    await found(first.address, second.address)
    expect(first.output()).toContain('registered again in Consul')
    for (const load of loads) {
      await load.more(50)
      expect(await load.stop()).toEqual([])
    }
  })
})

test(
  'two workers are one instance, of the port that they share, and follow the log level',
  { timeout: 120_000 },
  async () => {
    await setting('logLevel', 'warn')
    const { address, output, signal, ended } = await launch({ WORKERS: '2' })
    await found(address)
    const lines = () => output().match(/"event":"monitor"/g)?.length ?? 0
    /** Over connections of their own, which are dealt out in turn: each worker has one. */
    const monitorTwice = async () => {
      for (const client of [openClient(address), openClient(address)]) expect(await client.monitor()).toBe(26)
    }
    await monitorTwice()
    expect(lines()).toBe(0)
    await setting('logLevel', 'info')
    await vi.waitFor(async () => {
      const before = lines()
      await monitorTwice()
      await vi.waitFor(() => expect(lines() - before).toBe(2), 500)
    }, 20_000)
    signal('SIGTERM')
    expect(await ended()).toEqual({ code: 0, signal: null })
    expect(await byHealth()).toEqual([])
  },
)

test('a change of KV is taken in less than a second, a bad one is not, and a cold one starts anew', async () => {
  const program = await launch()
  await found(program.address)
  const changedAt = performance.now()
  await setting('logLevel', 'debug')
  await program.until(/"keys":\["logLevel"\].*applied/)
  expect(performance.now() - changedAt).toBeLessThan(1_000)
  const client = openClient('consul:///search-service')
  expect(await client.monitor()).toBe(26)

  await setting('maxInFlight', 'many')
  await program.until(/rejected in KV: maxInFlight \(KV maxInFlight\)/)
  expect(await program.read('/metrics')).toMatch(/^config_changes_total\{outcome="rejected"\} 1$/m)
  expect(await program.read('/readyz')).toBe('ok')

  await setting('maxInFlight', '7')
  await program.until(/starts again: settings changed in KV: maxInFlight/)
  const again = await program.until(/starts again[^]*gRPC\s+(127\.0\.0\.1:\d+)/)
  await found(again[1] ?? '')
  expect(await client.monitor()).toBe(26)
  program.signal('SIGTERM')
  expect(await program.ended()).toEqual({ code: 0, signal: null })
  expect(program.output()).not.toContain('still active')
}, 120_000)

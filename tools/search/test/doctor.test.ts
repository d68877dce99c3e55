import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '@armature/database/open'
import { type ConsulClient, createConsulClient } from '@armature/discovery/consul-client'
import { srvResolver } from '@armature/discovery/srv-resolver'
import { importThings } from '@armature/search-service/import-things'
import { type RunningConsul, startConsul } from '@armature/servers/consul'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { type Program, startProgram } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { areas } from './service.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const service = fileURLToPath(import.meta.resolve('@armature/search-service/main'))
const programs: Program[] = []
let postgres: RunningServer
let consul: RunningConsul
let agent: ConsulClient

beforeAll(async () => {
  ;[postgres, consul] = await Promise.all([startPostgres(), startConsul()])
  agent = createConsulClient({ consulHttpAddr: consul.url })
  const database = await openDatabase(postgres.url)
  await importThings(database, areas)
  await database.close()
}, serverDeadlineMs)
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  const known = await agent.instances('search-service', { failing: true })
  for (const { id } of known.value) await agent.deregister(id)
}, 60_000)
afterAll(async () => {
  agent?.close()
  await Promise.all([consul?.stop(), postgres?.stop()])
}, 60_000)

/** A process that serves on a random port and registers in Consul. */
const launch = async (more: Record<string, string> = {}) => {
  const env = {
    PATH: process.env['PATH'],
    STATSD_PORT: '0',
    DATABASE_URL: postgres.url,
    CONSUL_HTTP_ADDR: consul.url,
    CONSUL_CHECK_INTERVAL_MS: '1000',
    CONFIG_KV: 'false',
    ...more,
  }
  const program = startProgram(process.execPath, [service], { env })
  programs.push(program)
  const [, address = ''] = await program.until(/gRPC\s+(127\.0\.0\.1:\d+)/, 60_000)
  return { ...program, address }
}
const put = async (path: string, body: string) => {
  const answer = await fetch(`${consul.url}/v1/${path}`, { method: 'PUT', body })
  expect(answer.status).toBe(200)
}
const byHealth = async () =>
  (await agent.instances('search-service')).value.map(({ host, port }) => `${host}:${port}`).toSorted()
const bySrv = async () => {
  const dns = srvResolver({ nameOf: () => 'search-service.service.consul', servers: [`127.0.0.1:${consul.dnsPort}`] })
  return (await dns.resolve('search-service')).map(({ host, port }) => `${host}:${port}`).toSorted()
}
/** Both ways say these, and nothing else. */
const found = (...addresses: readonly string[]) =>
  vi.waitFor(
    async () => expect([await byHealth(), await bySrv()]).toEqual([addresses.toSorted(), addresses.toSorted()]),
    { timeout: 20_000, interval: 50 },
  )

const cli = (...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], CONSUL_HTTP_ADDR: consul.url }
    execFile(process.execPath, [main, ...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    )
  })
const doctor = (...args: readonly string[]) => cli('doctor', '--consul-dns', `127.0.0.1:${consul.dnsPort}`, ...args)

test('two instances are asked by their name in Consul, and doctor finds nothing', { timeout: 120_000 }, async () => {
  const [first, second] = await Promise.all([launch(), launch()])
  await found(first.address, second.address)
  const [asked, examined] = [await cli('find', '--address', 'consul:///search-service', '--monitor'), await doctor()]
  expect(asked).toEqual({ code: 0, stdout: '26\n', stderr: '' })
  expect(examined).toMatchObject({ code: 0, stderr: '' })
  for (const { address } of [first, second]) {
    expect(examined.stdout).toMatch(new RegExp(`^${address} +passing +listed +SERVING +ok$`, 'm'))
  }
})

test('doctor tells which instance Consul is wrong about', { timeout: 120_000 }, async () => {
  const program = await launch({ CONSUL_REGISTER: 'false' })
  const [Address, port] = program.address.split(':')
  // As an instance whose next check is far away.
  const check = { GRPC: program.address, Interval: '1h', Status: 'passing' }
  const registration = { ID: 'one', Name: 'search-service', Address, Port: Number(port), Check: check }
  await put('agent/service/register', JSON.stringify(registration))
  await found(program.address)
  const healthy = await doctor('--format', 'json')
  const finding = { address: program.address, healthApi: 'passing', dns: 'listed', call: 'SERVING' }
  expect(JSON.parse(healthy.stdout)).toEqual({ agrees: true, instances: [finding] })
  expect(healthy.code).toBe(0)

  program.signal('SIGKILL')
  await program.ended()
  const { code, stdout, stderr } = await doctor('--timeout', '2000')
  expect(code).toBe(1)
  expect(stdout).toMatch(/passing +listed +UNAVAILABLE +does not serve: UNAVAILABLE$/m)
  expect(stderr).toContain(`1 of 1 instances: ${program.address} does not serve`)
})

test('bug: an IPv6 address of a DNS server was cut at its last colon', { timeout: 120_000 }, async () => {
  const refused = await cli('doctor', '--consul-dns', '2001:db8::1')
  expect(refused).toMatchObject({ code: 64, stdout: '' })
  expect(refused.stderr).toMatch(/2001:db8::1.*brackets.*--consul-dns HOST:PORT/)
})

test('an agent that is away is named', { timeout: 120_000 }, async () => {
  await consul.crash()
  try {
    const away = await doctor()
    expect(away).toMatchObject({ code: 69, stdout: '' })
    expect(away.stderr).toContain(new URL(consul.url).host)
  } finally {
    await consul.restart()
  }
})

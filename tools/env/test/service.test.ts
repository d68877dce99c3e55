import { mkdtempSync, rmSync } from 'node:fs'
import { Resolver } from 'node:dns/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startConsul } from '@armature/servers/consul'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { put } from './consul.ts'

let consul: Awaited<ReturnType<typeof startConsul>>
beforeAll(async () => {
  consul = await startConsul()
}, serverDeadlineMs)
afterAll(() => consul?.stop())

const ports = async (): Promise<readonly number[]> => {
  const dns = new Resolver()
  dns.setServers([`127.0.0.1:${consul.dnsPort}`])
  const records = await dns.resolveSrv('fixture.service.consul').catch(() => [])
  return records.map(({ port }) => port)
}
const found = (port: number) => vi.waitFor(async () => expect(await ports()).toEqual([port]), { timeout: 10_000 })

test('a service is found by DNS, takes a change of KV in less than a second, and starts anew for another one', async () => {
  const state = mkdtempSync(join(tmpdir(), 'env-service-'))
  const env = {
    PATH: process.env['PATH'],
    CONSUL_HTTP_ADDR: consul.url,
    CONSUL_CHECK_INTERVAL_MS: '200',
    CONFIG_KV_SPLAY_MS: '100',
    STATSD_PORT: '0',
    XDG_STATE_HOME: state,
  }
  const program = startProgram(process.execPath, [join(import.meta.dirname, 'fixture', 'service.ts')], { env })
  onTestFinished(async () => {
    await program.kill()
    rmSync(state, { recursive: true })
  })
  const [, first = ''] = await program.until(/^limit 1 port (\d+)$/m)
  await found(Number(first))

  const changedAt = performance.now()
  await put(consul.url, 'config/fixture/logLevel', 'debug')
  await program.until(/^log level debug$/m)
  expect(performance.now() - changedAt).toBeLessThan(1_000)

  await put(consul.url, 'config/fixture/limit', 'many')
  await program.until(/rejected in KV: limit \(KV limit\)/)
  await put(consul.url, 'config/fixture/limit', '2')
  const [, second = ''] = await program.until(/^limit 2 port (\d+)$/m)
  expect(second).not.toBe(first)
  await found(Number(second))

  program.signal('SIGTERM')
  expect(await program.ended()).toEqual({ code: 0, signal: null })
  expect(await ports()).toEqual([])
  expect(program.output()).not.toContain('still active')
}, 60_000)

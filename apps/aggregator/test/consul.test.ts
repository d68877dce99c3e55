import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openConsul } from '@armature/discovery/consul-client'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'

const name = 'aggregator'
const main = join(import.meta.dirname, '../src/main.ts')
const state = mkdtempSync(join(tmpdir(), `${name}-consul-`))
let url: string
beforeAll(async () => {
  url = await serverUrl('consul')
}, serverDeadlineMs)
afterAll(() => rmSync(state, { recursive: true }))

test('the service is in Consul while its admin server says that it is ready, and follows its settings in KV', async () => {
  const consul = openConsul({ consulHttpAddr: url })
  const kv = `${url}/v1/kv/config/${name}`
  const env = {
    PATH: process.env['PATH'],
    STATSD_PORT: '0',
    CONSUL_HTTP_ADDR: url,
    CONSUL_CHECK_INTERVAL_MS: '300',
    CONFIG_KV_SPLAY_MS: '100',
    XDG_STATE_HOME: state,
  }
  const program = startProgram(process.execPath, [main], { env })
  onTestFinished(async () => {
    consul.close()
    await program.kill()
    await fetch(`${kv}?recurse`, { method: 'DELETE' })
  })
  const found = async () => (await consul.instances(name)).value.map(({ host, port }) => `http://${host}:${port}`)
  const [, admin = ''] = await program.until(/admin (http:\S+)/, 60_000)
  await vi.waitFor(async () => expect(await found()).toEqual([admin]), { timeout: 20_000 })

  await fetch(`${kv}/logLevel`, { method: 'PUT', body: 'debug' })
  await program.until(/settings changed in KV: applied/)
  await fetch(`${kv}/drainDeadlineMs`, { method: 'PUT', body: 'soon' })
  await program.until(/rejected in KV: drainDeadlineMs/)
  await fetch(`${kv}/drainDeadlineMs`, { method: 'PUT', body: '9000' })
  const [, again = ''] = await program.until(/starts again[^]*admin (http:\S+)/, 60_000)
  await vi.waitFor(async () => expect(await found()).toEqual([again]), { timeout: 20_000 })

  program.signal('SIGTERM')
  expect(await program.ended()).toEqual({ code: 0, signal: null })
  expect(await found()).toEqual([])
  expect(program.output()).not.toContain('still active')
}, 180_000)

test('without an agent nothing is said of Consul', async () => {
  const program = startProgram(process.execPath, [main], { env: { PATH: process.env['PATH'], STATSD_PORT: '0' } })
  onTestFinished(() => program.kill())
  await program.until(/admin http/, 60_000)
  program.signal('SIGTERM')
  expect(await program.ended()).toEqual({ code: 0, signal: null })
  expect(program.output()).not.toMatch(/consul|\bKV\b/i)
}, 90_000)

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Child, startChild } from './child.ts'

const main = join(import.meta.dirname, 'fixture', 'kv-main.ts')

/** A KV store for the fixture, and what starts it. */
const world = async () => {
  const held: Record<string, object | undefined> = { 'config/application/': {}, 'config/fixture/': {} }
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    const values = held[String(request.url).slice(1)]
    if (values === undefined) request.socket.destroy()
    else response.end(JSON.stringify(values))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const state = mkdtempSync(join(tmpdir(), 'service-kv-'))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
    rmSync(state, { recursive: true })
  })
  const env = {
    CONSUL_HTTP_ADDR: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    XDG_STATE_HOME: state,
    CONFIG_KV_SPLAY_MS: '50',
    CONFIG_KV_QUIET_MS: '20',
    CONFIG_KV_START_MS: '500',
  }
  return {
    asked: () => requests,
    set: (values: object | undefined) => void (held['config/fixture/'] = values),
    start: (argv: readonly string[] = [], more: Readonly<Record<string, string>> = {}) =>
      startChild(process.execPath, [main, ...argv], { env: { ...env, ...more } }),
  }
}

const ready = /"msg":"ready"/
const stopped = async (child: Child) => {
  child.process.kill('SIGTERM')
  return child.exit
}
const metric = async (child: Child, line: RegExp): Promise<string | undefined> => {
  const [, admin = ''] = await child.says(/^admin (\S+)$/m)
  return line.exec(await (await fetch(`${admin}/metrics`)).text())?.[0]
}

test('the log level in KV is that of the service, and a change takes effect while it runs', async () => {
  const { set, start } = await world()
  set({ logLevel: 'warn' })
  const child = start()
  await child.says(/^composed plain warn$/m)
  await child.says(/^admin /m)
  set({ logLevel: 'info' })
  await child.says(/^reconfigured logLevel info$/m)
  await child.says(/settings changed in KV: applied/)
  expect(await metric(child, /^config_changes_total\{.*applied.*\} 1$/m)).toBeDefined()
  expect(await stopped(child)).toEqual({ code: 0, signal: null })
  expect(child.stderr()).not.toContain('starts again')
})

test('another setting that changes drains the service and composes it anew in the same process', async () => {
  const { set, start } = await world()
  const child = start()
  await child.says(ready)
  set({ mode: 'unready' })
  await child.says(/^fixture: starts again: settings changed in KV: mode$/m)
  await child.says(/^composed unready info$/m)
  await child.says(/^admin [\s\S]*^admin /m)
  const steps = child.stderr().match(/^step .*$/gm)
  expect(steps).toEqual(
    ['start', 'deregister', 'stop intake', 'finish', 'flush', 'close', 'start'].map((step) => `step ${step}`),
  )
  expect(await stopped(child)).toEqual({ code: 0, signal: null })
  expect(child.stderr()).not.toContain('still active')
})

test('with coldChanges it runs on as it is, and the next start has the change, also without KV', async () => {
  const { set, start } = await world()
  const nextStart = { COLD_CHANGES: 'next start' }
  const first = start([], nextStart)
  await first.says(ready)
  set({ mode: 'unready' })
  await first.says(/"keys":\["mode"\].*the change takes effect at the next start/)
  set({})
  await first.says(/"keys":\["mode"\].*what waited for the next start was taken back/)
  set({ mode: 'unready', logLevel: 'debug' })
  await first.says(/^reconfigured logLevel debug$/m)
  expect(await metric(first, /^config_changes_total\{.*waiting.*\} 2$/m)).toBeDefined()
  expect(await metric(first, /^config_changes_total\{.*taken_back.*\} 1$/m)).toBeDefined()
  expect(await stopped(first)).toEqual({ code: 0, signal: null })
  expect(first.stderr().match(/^(composed|step start).*$/gm)).toEqual(['composed plain info', 'step start'])
  set(undefined)
  const second = start([], nextStart)
  await second.says(/^composed unready debug$/m)
  await second.says(/started with its last good values/)
  expect(await stopped(second)).toEqual({ code: 0, signal: null })
}, 30_000)

test('a wrong value is rejected by its key and counted, and the old one stays', async () => {
  const { set, start } = await world()
  const child = start()
  await child.says(ready)
  set({ mode: 'nonsense', logLevel: 'debug' })
  await child.says(/rejected in KV: mode \(KV mode\): .*nonsense/)
  await child.says(/^reconfigured logLevel debug$/m)
  expect(await metric(child, /^config_changes_total\{.*rejected.*\} 1$/m)).toBeDefined()
  expect(await stopped(child)).toEqual({ code: 0, signal: null })
  expect(child.stderr()).not.toContain('starts again')
})

test('a wrong value at the first start is refused with 78', async () => {
  const { set, start } = await world()
  set({ mode: 'nonsense' })
  const child = start()
  expect(await child.exit).toEqual({ code: 78, signal: null })
  expect(child.stderr()).toMatch(/mode \(KV mode\)/)
})

test('without KV it starts with what was good last, and says so', async () => {
  const { set, start } = await world()
  set({ logLevel: 'debug' })
  const first = start()
  await first.says(ready)
  await stopped(first)
  set(undefined)
  const second = start()
  await second.says(/^composed plain debug$/m)
  await second.says(/started with its last good values/)
  set({ logLevel: 'info' })
  await second.says(/^reconfigured logLevel info$/m)
  expect(await stopped(second)).toEqual({ code: 0, signal: null })
})

test('a signal ends it at once while it waits for KV at the start', async () => {
  const { set, start, asked } = await world()
  set(undefined)
  const child = start([], { CONFIG_KV_START_MS: '60000' })
  await vi.waitFor(() => expect(asked()).toBeGreaterThan(0), { timeout: 10_000 })
  expect(await stopped(child)).toEqual({ code: 0, signal: null })
  expect(child.stderr()).not.toContain('step start')
})

test('a signal while a restart drains ends it', async () => {
  const { set, start } = await world()
  const child = start(['--mode', 'slow-finish'])
  await child.says(ready)
  set({ drainDeadlineMs: '5000' })
  await child.says(/^step finish$/m)
  expect(await stopped(child)).toEqual({ code: 0, signal: null })
  expect(child.stderr().match(/^step start$/gm)).toHaveLength(1)
  expect(child.stderr()).not.toContain('starts again')
})

test('CONFIG_KV=false leaves KV alone', async () => {
  const { set, start } = await world()
  set({ logLevel: 'debug' })
  const child = start([], { CONFIG_KV: 'false' })
  await child.says(/^composed plain info$/m)
  expect(await stopped(child)).toEqual({ code: 0, signal: null })
})

test('explain tells what KV holds', async () => {
  const { set, start } = await world()
  set({ mode: 'unready' })
  const child = start(['explain', 'mode'])
  expect(await child.exit).toEqual({ code: 0, signal: null })
  expect(child.stdout()).toContain('KV mode: "unready"  <- wins')
})

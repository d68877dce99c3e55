import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commonSettings } from '@armature/config/common'
import { lastGood } from '@armature/config/last-good'
import { type KvEvent, openLiveConfig } from '@armature/config/live-config'
import { settingsReader } from '@armature/config/load'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { consulKv } from '../src/consul-kv.ts'
import { agent, startWorld } from './world.ts'

let consul: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  consul = await startWorld()
}, serverDeadlineMs)
afterAll(() => consul?.stop())

const settings = z.object({ ...commonSettings })

/** Consul's own API. */
const kv = async (method: 'PUT' | 'DELETE', key: string, value = ''): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  request(`${consul.url}/v1/kv/${key}`, { method }, (response) => {
    response.resume().on('end', () => resolve(undefined))
  })
    .on('error', reject)
    .end(value)
  await promise
}

const newState = () => {
  const folder = mkdtempSync(join(tmpdir(), 'consul-kv-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const open = async (name: string, folder: string) => {
  const opened = consulKv(agent(consul.url))
  if (opened === undefined) throw new Error('an agent is named')
  const live = await openLiveConfig({
    settings,
    reader: settingsReader({ name, settings, argv: [], env: {} }),
    source: opened.source,
    prefixes: ['config/application/', `config/${name}/`],
    lastGood: lastGood(folder, name, opened.origin),
    startMs: 2_000,
    quietMs: 50,
    splayMs: 0,
  })
  onTestFinished(() => {
    live.close()
    opened.source.close()
  })
  const events: KvEvent[] = []
  const levels: string[] = []
  const { config } = live.begin()
  live.follow({
    onEvent: (event) => events.push(event),
    onHot: ({ logLevel }) => levels.push(logLevel),
    onRestart: () => undefined,
  })
  return { config, events, levels }
}

test("a change is there in less than a second, the service's key over that of all", async () => {
  await kv('PUT', 'config/application/logLevel', 'warn')
  const { config, levels } = await open('quick', newState())
  expect(config.logLevel).toBe('warn')
  for (const [method, level, expected] of [
    ['PUT', 'debug', 'debug'],
    ['PUT', 'error', 'error'],
    ['DELETE', '', 'warn'],
  ] as const) {
    const changedAt = performance.now()
    await kv(method, 'config/quick/logLevel', level)
    await vi.waitFor(() => expect(levels.at(-1)).toBe(expected), { timeout: 5_000, interval: 5 })
    expect(performance.now() - changedAt).toBeLessThan(1_000)
  }
})

test('a wrong type is rejected by its key', async () => {
  const { events } = await open('wrong', newState())
  await kv('PUT', 'config/wrong/statsdPort', 'many')
  await vi.waitFor(() => expect(events.map(({ kind }) => kind)).toContain('rejected'), { timeout: 5_000 })
  expect(events).toMatchObject([{ kind: 'rejected', faults: [{ key: 'statsdPort', source: 'KV statsdPort' }] }])
})

test('without Consul the last good values stay, at the start too; emptied and back, it is followed again', async () => {
  const folder = newState()
  await kv('PUT', 'config/away/logLevel', 'debug')
  const running = await open('away', folder)
  expect(running.config.logLevel).toBe('debug')
  await consul.crash()
  await vi.waitFor(() => expect(running.events.at(-1)?.kind).toBe('unreachable'), { timeout: 5_000 })
  const started = await open('away', folder)
  expect(started.config.logLevel).toBe('debug')
  expect(started.events).toContainEqual({ kind: 'started without KV', from: 'last good' })
  expect(running.levels).toEqual([])
  await consul.restartEmpty()
  await vi.waitFor(() => expect(running.levels).toEqual(['info']), { timeout: 15_000 })
  await kv('PUT', 'config/away/logLevel', 'trace')
  for (const { levels } of [running, started])
    await vi.waitFor(() => expect(levels.at(-1)).toBe('trace'), { timeout: 15_000 })
}, 60_000)

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commonSettings } from '@armature/config/common'
import { lastGood } from '@armature/config/last-good'
import { openLiveConfig } from '@armature/config/live-config'
import { settingsReader } from '@armature/config/load'
import { watchKv } from '@armature/config/kv-watch'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { createConsulClient } from '../src/consul-client.ts'
import { consulKvSource } from '../src/consul-kv.ts'
import { consulResolver } from '../src/consul-resolver.ts'
import { DiscoveryError, type Instance } from '../src/ports.ts'
import { type Answer, consulConfig, entry, json, scriptedConsul } from './scripted-consul.ts'

const answer =
  (status: number, headers: Readonly<Record<string, string>>, body: string): Answer =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body)

const page = '<!doctype html><title>Welcome</title>'
const asJson = { 'content-type': 'application/json' }

/** Answers of a proxy, an ingress, a captive portal or another server in Consul's place. */
const foreign: readonly (readonly [string, Answer])[] = [
  ['404 of a proxy', answer(404, { 'content-type': 'text/html' }, page)],
  ['404 without a body', answer(404, {}, '')],
  ['404 as JSON', answer(404, asJson, '{"message":"no Route matched"}')],
  ['404 with an index and a page', answer(404, { 'x-consul-index': '5', 'content-type': 'text/html' }, page)],
  ['a page with 200', answer(200, { 'content-type': 'text/html' }, page)],
  ['a page with 200 and an index', answer(200, { 'content-type': 'text/html', 'x-consul-index': '5' }, page)],
  ['[] without an index', answer(200, asJson, '[]')],
  ['[] with the index 0', answer(200, { ...asJson, 'x-consul-index': '0' }, '[]')],
  ['[] with an index that is no number', answer(200, { ...asJson, 'x-consul-index': 'NaN' }, '[]')],
  ['[] with a negative index', answer(200, { ...asJson, 'x-consul-index': '-1' }, '[]')],
  ['[] with two indices', answer(200, { ...asJson, 'x-consul-index': '5, 6' }, '[]')],
  ['[] as text', answer(200, { 'content-type': 'text/plain', 'x-consul-index': '5' }, '[]')],
  ['{} with an index', answer(200, { ...asJson, 'x-consul-index': '5' }, '{}')],
  ['null with an index', answer(200, { ...asJson, 'x-consul-index': '5' }, 'null')],
  ['an empty 200', answer(200, {}, '')],
  ['an empty 200 with an index', answer(200, { ...asJson, 'x-consul-index': '5' }, '')],
  ['204', answer(204, { 'x-consul-index': '5' }, '')],
  ['a redirect', answer(302, { location: '/login', 'x-consul-index': '5' }, '')],
  ['entries of something else', answer(200, { ...asJson, 'x-consul-index': '5' }, '[{"name":"a"}]')],
]

const open = (address: string) => {
  const client = createConsulClient(consulConfig(address))
  onTestFinished(() => client.close())
  return client
}
const quick = { waitMs: 100, retryMs: { min: 10, max: 20 }, refillMs: 20 }
const pair = (key: string, value: string) => ({ Key: key, Value: Buffer.from(value).toString('base64') })

describe.each(foreign)('bug: an answer that is not of Consul was believed: %s', (_name, foreignAnswer) => {
  test('it is an error of KV, of health and of a registration', async () => {
    const { address } = await scriptedConsul(foreignAnswer)
    const client = open(address)
    for (const asked of [client.values('config/a/'), client.instances('search-service')])
      await expect(asked).rejects.toThrow(DiscoveryError)
  })

  test('variables and instances stay as they are', async () => {
    const consul = await scriptedConsul(json([pair('config/a/LEVEL', 'one')], '5'))
    const onChange = vi.fn()
    const onFault = vi.fn()
    const source = consulKvSource(open(consul.address), quick)
    onTestFinished(watchKv({ source, prefixes: ['config/a/'], quietMs: 10, onChange, onFault }))
    await vi.waitFor(() => expect(onChange).toHaveBeenCalledWith([{ LEVEL: 'one' }]), { timeout: 5_000 })
    consul.answers(foreignAnswer)
    await vi.waitFor(() => expect(onFault.mock.calls.length).toBeGreaterThan(2), { timeout: 5_000 })
    expect(onChange).toHaveBeenCalledOnce()
    consul.answers(json([pair('config/a/LEVEL', 'two')], '6'))
    await vi.waitFor(() => expect(onChange).toHaveBeenLastCalledWith([{ LEVEL: 'two' }]), { timeout: 5_000 })
  })

  test('a watch of instances says that it fails, not that there are none', async () => {
    const consul = await scriptedConsul(json([entry('a', 1)], '5'))
    const seen: (readonly Instance[])[] = []
    const onFault = vi.fn()
    const resolver = consulResolver({ client: open(consul.address), ...quick })
    onTestFinished(resolver.watch('search-service', (instances) => void seen.push(instances), onFault))
    await vi.waitFor(() => expect(seen).toHaveLength(1), { timeout: 5_000 })
    consul.answers(foreignAnswer)
    await vi.waitFor(() => expect(onFault).toHaveBeenCalled(), { timeout: 5_000 })
    expect(seen.map((instances) => instances.length)).toEqual([1])
  })
})

test('bug: the last good file of a service became {}', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'foreign-answers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const consul = await scriptedConsul(json([pair('config/a/logLevel', 'debug')], '5'))
  const source = consulKvSource(open(consul.address), quick)
  const file = lastGood(folder, 'a', consul.address)
  const settings = z.object({ ...commonSettings })
  const reader = settingsReader({ name: 'a', settings, argv: [], env: {} })
  const live = await openLiveConfig({
    ...{ settings, reader, source, prefixes: ['config/a/'] },
    ...{ lastGood: file, startMs: 5_000, quietMs: 10, splayMs: 0 },
  })
  onTestFinished(() => live.close())
  live.begin()
  const onEvent = vi.fn()
  live.follow({ onEvent, onHot: () => undefined, onRestart: () => undefined })
  consul.answers(answer(200, { 'content-type': 'text/html' }, page))
  await vi.waitFor(() => expect(onEvent).toHaveBeenCalledWith(expect.objectContaining({ kind: 'unreachable' })), {
    timeout: 5_000,
  })
  expect(JSON.parse(readFileSync(file.path, 'utf8'))).toEqual({ logLevel: 'debug' })
})

test('a registration that a page answers is told as failed', async () => {
  const { address } = await scriptedConsul(answer(200, { 'content-type': 'text/html' }, page))
  const registration = {
    ...{ id: 'a', service: 'a', host: '127.0.0.1', port: 1, check: { tcp: '127.0.0.1:1' } },
    ...{ checkIntervalMs: 1_000, checkTimeoutMs: 1_000, deregisterAfterMs: 60_000 },
  }
  await expect(open(address).register(registration)).rejects.toThrow('something else than Consul does')
})

test('bug: an answer without end filled the memory', async () => {
  const endless: Answer = (_request, response) => {
    const chunk = Buffer.alloc(1024 * 1024, ' ')
    response.writeHead(200, { ...asJson, 'x-consul-index': '5' })
    const more = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }
  const { address } = await scriptedConsul(endless)
  await expect(open(address).instances('search-service')).rejects.toThrow('it answered more than 67108864 bytes')
})

test.each([70_000, -1, 1.5, Number.NaN])('an instance with the port %s is not believed', async (port) => {
  const { address } = await scriptedConsul(json([entry('a', port)], '5'))
  await expect(open(address).instances('search-service')).rejects.toThrow('something else than Consul does')
})

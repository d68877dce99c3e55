import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createConsulClient } from '../src/consul-client.ts'
import { consulResolver } from '../src/consul-resolver.ts'
import { lastKnownGood } from '../src/last-known-good.ts'
import { DiscoveryError, type Instance } from '../src/ports.ts'
import { consulConfig, entry, fails, json, scriptedConsul } from './scripted-consul.ts'

const secret = 'b1f4c10e-secret-token'

const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'consul-client-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

const open = (address: string, more: Parameters<typeof consulConfig>[1] = {}) => {
  const client = createConsulClient(consulConfig(address, more))
  onTestFinished(() => client.close())
  return client
}

test('an instance without an address of its own has that of its node', async () => {
  const { address } = await scriptedConsul(json([entry('a', 5000)], '7'))
  expect(await open(address).instances('search-service')).toEqual({
    index: '7',
    value: [
      { id: 'a', service: 'search-service', host: '127.0.0.1', port: 5000, tags: ['v1'], meta: { version: '1' } },
    ],
  })
})

test('KV is told without prefix and folders, as text', async () => {
  const value = (text: string) => Buffer.from(text).toString('base64')
  const { address, requests } = await scriptedConsul(
    json([
      { Key: 'config/a/', Value: null },
      { Key: 'config/a/logLevel', Value: value('débug') },
      { Key: 'config/a/empty', Value: null },
      { Key: 'config/a/deep/er', Value: value('1') },
    ]),
  )
  const { value: values } = await open(address).values('config/a/')
  expect(values).toEqual({ logLevel: 'débug', empty: '', 'deep/er': '1' })
  expect(requests[0]?.url).toContain('recurse')
})

test('a prefix that holds nothing is an empty answer', async () => {
  const { address } = await scriptedConsul((_request, response) => {
    response.writeHead(404, { 'x-consul-index': '3' }).end()
  })
  expect(await open(address).values('config/a/')).toEqual({ index: '3', value: {} })
})

describe('an agent that', () => {
  test.each([
    ['has no leader', fails(500, 'No cluster leader'), /answered 500 \(No cluster leader\)/],
    ['refuses the token', fails(403, 'Permission denied'), /answered 403.*CONSUL_HTTP_TOKEN_FILE/],
    ['speaks TLS', fails(400, 'Client sent an HTTP request to an HTTPS server.'), /answered 400.*https:/],
    ['is no Consul', json({ hello: 'world' }), /something else than Consul does.*CONSUL_HTTP_ADDR/],
    [
      'sends broken JSON',
      (_: unknown, response) => response.setHeader('content-type', 'application/json').end('[{'),
      /answered what cannot be read.*names an agent/,
    ],
    ['hangs up', (request) => request.socket.destroy(), /closed the connection/],
  ] as const satisfies readonly (readonly [string, Parameters<typeof scriptedConsul>[0], RegExp])[])(
    '%s is an error that says so',
    async (_name, answer, message) => {
      const { address } = await scriptedConsul(answer)
      const asked = open(address, { consulHttpToken: secret }).instances('search-service')
      const error = await asked.catch((fault: unknown) => fault as Error)
      expect(error).toBeInstanceOf(DiscoveryError)
      expect((error as Error).message).toMatch(message)
      expect((error as Error).message).toContain('search-service')
      expect((error as Error).message).not.toContain(secret)
    },
  )

  test('is not there is an error that names the address', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    await expect(open(`127.0.0.1:${port}`).checkOutput('a')).rejects.toThrow(`127.0.0.1:${port} is not there`)
  })

  test('says nothing, or stops within its answer, is given up after 5 s', { timeout: 15_000 }, async () => {
    const silent = await scriptedConsul(() => undefined)
    const halting = await scriptedConsul((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('[')
    })
    const startedAt = performance.now()
    await Promise.all(
      [silent, halting].map(({ address }) =>
        expect(open(address).instances('search-service')).rejects.toThrow('timed out (5000ms)'),
      ),
    )
    expect(performance.now() - startedAt).toBeGreaterThan(4_900)
  })
})

describe('the token', () => {
  test('goes into a header, never into the URL', async () => {
    const { address, requests } = await scriptedConsul(json([]))
    await open(address, { consulHttpToken: secret }).instances('search-service')
    expect(requests[0]?.headers['x-consul-token']).toBe(secret)
    expect(requests[0]?.url).not.toContain(secret)
  })

  test('of a file is read again when the file changes, and kept while the file is gone', async () => {
    const file = join(folder(), 'token')
    writeFileSync(file, 'first\n')
    const { address, requests } = await scriptedConsul(json([]))
    const client = open(address, { consulHttpTokenFile: file, consulHttpToken: 'weaker' })
    await client.instances('search-service')
    rmSync(file)
    await client.instances('search-service')
    writeFileSync(file, 'second\n')
    await client.instances('search-service')
    expect(requests.map(({ headers }) => headers['x-consul-token'])).toEqual(['first', 'first', 'second'])
  })

  test('of a file that is not there is an error that names variable and path', async () => {
    const file = join(folder(), 'token')
    const client = open('127.0.0.1:1', { consulHttpTokenFile: file })
    await expect(client.instances('search-service')).rejects.toThrow(`CONSUL_HTTP_TOKEN_FILE names ${file}`)
  })
})

test('a URL with credentials is refused', () => {
  expect(() => createConsulClient(consulConfig('http://user:pass@127.0.0.1:8500'))).toThrow('CONSUL_HTTP_TOKEN_FILE')
})

test.each([
  ['127.0.0.1', 'http://127.0.0.1:8500'],
  ['127.0.0.1:80', 'http://127.0.0.1'],
  ['https://consul.example', 'https://consul.example'],
  ['http://[::1]:8500/', 'http://[::1]:8500'],
])('CONSUL_HTTP_ADDR=%s is %s', (given, address) => {
  expect(createConsulClient(consulConfig(given)).address).toBe(address)
})

test('namespace and partition are sent', async () => {
  const { address, requests } = await scriptedConsul(json([]))
  await open(address, { consulNamespace: 'n', consulPartition: 'p' }).instances('search-service')
  expect(requests[0]?.headers['x-consul-namespace']).toBe('n')
  expect(requests[0]?.url).toContain('partition=p')
})

test('a watch asks with index and wait, and keeps what is known while the agent fails, says nothing, or answers empty', async () => {
  const consul = await scriptedConsul(json([entry('a', 1), entry('b', 2)], '5'))
  const onIgnored = vi.fn()
  const resolver = lastKnownGood(
    consulResolver({ client: open(consul.address), waitMs: 100, retryMs: { min: 10, max: 20 }, refillMs: 20 }),
    { onIgnored },
  )
  const seen: (readonly Instance[])[] = []
  const cancel = resolver.watch('search-service', (instances) => seen.push(instances))
  onTestFinished(cancel)
  await vi.waitFor(() => expect(consul.requests.length).toBeGreaterThan(1))
  expect(consul.requests[0]?.url).not.toContain('index')
  expect(consul.requests[1]?.url).toMatch(/index=5.*wait=100ms/)
  for (const answer of [fails(500, 'No cluster leader'), json([], '6')]) {
    onIgnored.mockClear()
    consul.answers(answer)
    await vi.waitFor(() => expect(onIgnored).toHaveBeenCalled())
  }
  expect(seen.every((instances) => instances.length === 2)).toBe(true)
  consul.answers(json([entry('b', 2)], '7'))
  await vi.waitFor(() => expect(seen.at(-1)).toHaveLength(1))
})

import { Client, credentials, Server, ServerCredentials, status } from '@grpc/grpc-js'
import { afterEach, expect, test, vi } from 'vitest'
import { discoveryOptions, discoveryTarget } from '../src/grpc-resolver.ts'
import { memoryDiscovery } from '../src/memory.ts'
import type { Registrar, Resolver } from '../src/ports.ts'
import { staticList } from '../src/static-list.ts'

const service = 'who-service'
const path = '/test.Who/Ask'
const asIs = (bytes: Buffer) => bytes

const opened: (() => void)[] = []
afterEach(() => {
  for (const close of opened.splice(0).reverse()) close()
})

/** A server that answers with its own name, or only fails. */
const openServer = async (name: string, failing = false): Promise<number> => {
  const server = new Server()
  server.register(
    path,
    (_call: unknown, answer: (error: object | null, bytes?: Buffer) => void) =>
      failing ? answer({ code: status.INTERNAL, details: name }) : answer(null, Buffer.from(name)),
    asIs,
    asIs,
    'unary',
  )
  opened.push(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

const openClient = (resolver: Resolver, target = discoveryTarget(service)) => {
  const client = new Client(target, credentials.createInsecure(), discoveryOptions(resolver))
  opened.push(() => client.close())
  return () =>
    new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), { deadline: Date.now() + 5_000 }, (error, bytes) =>
        error === null ? resolve(String(bytes)) : reject(error),
      )
    })
}

const register = async (registrar: Registrar, name: string, port?: number) =>
  registrar.register({ id: name, service, host: '127.0.0.1', port: port ?? (await openServer(name)) })

const answers = async (ask: () => Promise<string>, count = 20): Promise<ReadonlySet<string>> => {
  const names = new Set<string>()
  for (let call = 0; call < count; call += 1) names.add(await ask())
  return names
}

test('calls are spread over the instances, and follow them as they come and go', async () => {
  const discovery = memoryDiscovery()
  const a = await register(discovery, 'a')
  const ask = openClient(discovery)
  expect(await answers(ask)).toEqual(new Set(['a']))
  await register(discovery, 'b')
  await vi.waitFor(async () => expect(await answers(ask)).toEqual(new Set(['a', 'b'])), { timeout: 5_000 })
  await a.deregister()
  await vi.waitFor(async () => expect(await answers(ask)).toEqual(new Set(['b'])), { timeout: 5_000 })
})

test('calls go on while one of two instances dies unannounced', async () => {
  const discovery = memoryDiscovery()
  await register(discovery, 'a')
  await register(discovery, 'b')
  const killB = opened.pop()
  const ask = openClient(discovery)
  await vi.waitFor(async () => expect(await answers(ask)).toEqual(new Set(['a', 'b'])), { timeout: 5_000 })
  killB?.()
  await vi.waitFor(async () => expect(await answers(ask)).toEqual(new Set(['a'])), { timeout: 5_000 })
})

test('a call fails with UNAVAILABLE and the reason when the last one left, and works again when one comes', async () => {
  const discovery = memoryDiscovery()
  const a = await register(discovery, 'a')
  const ask = openClient(discovery)
  expect(await ask()).toBe('a')
  await a.deregister()
  await vi.waitFor(
    () =>
      expect(ask()).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringContaining(service) as string,
      }),
    { timeout: 5_000 },
  )
  await register(discovery, 'b')
  await vi.waitFor(async () => expect(await ask()).toBe('b'), { timeout: 5_000 })
})

test('a service that cannot be found is UNAVAILABLE with the reason', async () => {
  const ask = openClient(staticList({ reactor: ['127.0.0.1:1'] }))
  await expect(ask()).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringContaining('not in the static list') as string,
  })
})

test('two discoveries in one process keep apart under the same target', async () => {
  const [one, two] = [memoryDiscovery(), memoryDiscovery()]
  await register(one, 'a')
  await register(two, 'b')
  const [askOne, askTwo] = [openClient(one), openClient(two)]
  expect(await answers(askOne)).toEqual(new Set(['a']))
  expect(await answers(askTwo)).toEqual(new Set(['b']))
  expect(await answers(askOne)).toEqual(new Set(['a']))
})

test('a target without the options says what it needs', async () => {
  discoveryOptions(memoryDiscovery())
  const client = new Client(discoveryTarget(service), credentials.createInsecure())
  opened.push(() => client.close())
  const asked = new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    )
  })
  await expect(asked).rejects.toMatchObject({ details: expect.stringContaining('discoveryOptions') as string })
})

test('an instance that only fails gets no calls for a while', { timeout: 30_000 }, async () => {
  const discovery = memoryDiscovery()
  await register(discovery, 'a')
  await register(discovery, 'broken', await openServer('broken', true))
  const ask = openClient(discovery)
  const outcomes = async (count: number) => {
    const all = await Promise.all(Array.from({ length: count }, () => ask().catch(() => 'failed')))
    return new Set(all)
  }
  await vi.waitFor(async () => expect(await outcomes(40)).toEqual(new Set(['a', 'failed'])), { timeout: 5_000 })
  await vi.waitFor(async () => expect(await outcomes(40)).toEqual(new Set(['a'])), { timeout: 20_000, interval: 500 })
})

test('instances are reached directly, whatever http_proxy says', async () => {
  vi.stubEnv('http_proxy', 'http://127.0.0.1:1')
  opened.push(() => vi.unstubAllEnvs())
  const port = await openServer('a')
  const discovery = memoryDiscovery()
  await register(discovery, 'a', port)
  expect(await openClient(discovery)()).toBe('a')
})

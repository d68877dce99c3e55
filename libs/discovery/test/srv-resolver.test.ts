import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type IgnoredAnswer, lastKnownGood } from '../src/last-known-good.ts'
import { createClientTarget } from '../src/client-target.ts'
import { DiscoveryError, type Instance } from '../src/ports.ts'
import { srvResolver } from '../src/srv-resolver.ts'
import { scriptedDns, type Zone } from './scripted-dns.ts'

const name = '_grpc._tcp.search-service.default.svc.cluster.local'
const pod = (place: number) => `10-0-0-${place}.search-service.default.svc.cluster.local`
const zone: Zone = {
  srv: {
    [name]: [
      { host: pod(1), port: 5000 },
      { host: pod(2), port: 5000 },
      { host: pod(2), port: 5001 },
      { priority: 9, host: pod(3), port: 5000 },
    ],
  },
  a: { [pod(1)]: ['10.0.0.1'], [pod(2)]: ['10.0.0.2'], [pod(3)]: ['10.0.0.3'] },
}
const addresses = (instances: readonly Instance[]) => instances.map(({ host, port }) => `${host}:${port}`)
const resolverAt = (server: string, timeoutMs = 100) =>
  srvResolver({ nameOf: (service) => service, servers: [server], pollMs: 20, timeoutMs })
/** For tests of what is answered, on however busy a machine. */
const patientMs = 5_000

test('a headless Service is found: the ports by SRV, the addresses by A, those of the least priority value', async () => {
  const dns = await scriptedDns(zone)
  const { resolver, service } = createClientTarget(`srv://${dns.address}/${name}`)
  expect(addresses((await resolver?.resolve(service)) ?? [])).toEqual([
    '10.0.0.1:5000',
    '10.0.0.2:5000',
    '10.0.0.2:5001',
  ])
})

test('bug: the id of an instance at an IPv6 address was an address without a port', async () => {
  const dns = await scriptedDns({ srv: { [name]: [{ host: '::1', port: 5000 }] } })
  expect(await resolverAt(dns.address, patientMs).resolve(name)).toMatchObject([
    { id: `${name}@[::1]:5000`, host: '::1', port: 5000 },
  ])
})

test("a service of Consul is asked for by its name in Consul's domain, with the tag before it", async () => {
  const dns = await scriptedDns({})
  for (const target of ['search-service', 'search-service?tag=v1']) {
    const { resolver, service } = createClientTarget(`consul://${dns.address}/${target}`)
    expect(await resolver?.resolve(service)).toEqual([])
  }
  expect(dns.asked).toEqual(['search-service.service.consul', 'v1.search-service.service.consul'])
})

describe('an answer that UDP cut', () => {
  const many: Zone = {
    mostByUdp: 3,
    srv: { [name]: Array.from({ length: 40 }, (_, place) => ({ host: pod(1), port: 5_000 + place })) },
    a: { [pod(1)]: ['10.0.0.1'] },
  }

  test('is asked for again by TCP: all instances are found', async () => {
    const dns = await scriptedDns(many)
    expect(await resolverAt(dns.address, patientMs).resolve(name)).toHaveLength(40)
  })

  test('is no answer where TCP is not there: part of the instances would be taken for all', async () => {
    const dns = await scriptedDns(many, { tcp: false })
    await expect(resolverAt(dns.address, patientMs).resolve(name)).rejects.toThrow(DiscoveryError)
  })
})

test('bug: a target "." was asked for as a host, though it says that there is no such service (RFC 2782)', async () => {
  const dns = await scriptedDns({ srv: { [name]: [{ host: '.', port: 0 }] } })
  expect(await resolverAt(dns.address, patientMs).resolve(name)).toEqual([])
  expect(dns.asked).toEqual([name])
})

test('a name that does not exist, and one without such records, are empty answers', async () => {
  const dns = await scriptedDns({ a: { [name]: ['10.0.0.1'] } })
  expect(await resolverAt(dns.address).resolve('nothing')).toEqual([])
  expect(await resolverAt(dns.address).resolve(name)).toEqual([])
})

test.each([
  ['fails', { failing: 2 }, /SERVFAIL/],
  ['refuses', { failing: 5 }, /refused/],
  ['says nothing', { silent: true }, /does not answer in time/],
] as const)('a server that %s is a fault that names it, in bounded time', async (_name, broken, message) => {
  const dns = await scriptedDns(broken)
  const startedAt = performance.now()
  const error = await resolverAt(dns.address)
    .resolve(name)
    .catch((fault: unknown) => fault)
  expect(error).toBeInstanceOf(DiscoveryError)
  expect(String(error)).toMatch(message)
  expect(String(error)).toContain(dns.address)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})

test('a watch tells changes once, and what is known stays while the server fails, says nothing, or knows nothing', async () => {
  const dns = await scriptedDns(zone)
  const held = vi.fn<(answer: IgnoredAnswer) => void>()
  const resolver = lastKnownGood(resolverAt(dns.address), { onIgnored: held })
  const seen: string[][] = []
  onTestFinished(resolver.watch(name, (instances) => void seen.push(addresses(instances))))
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  for (const broken of [{ failing: 2 }, { silent: true }, {}]) {
    held.mockClear()
    dns.holds(broken)
    await vi.waitFor(() => expect(held).toHaveBeenCalled(), { timeout: 5_000 })
  }
  expect(new Set(seen.flat())).toEqual(new Set(seen[0]))
  dns.holds({ ...zone, srv: { [name]: [{ host: pod(3), port: 1 }] } })
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['10.0.0.3:1']))
})

test('bug: a callback of a watch that threw ended the process: the watch goes on, and tells again', async () => {
  const dns = await scriptedDns(zone)
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => warned.mockRestore())
  let told = 0
  const cancel = resolverAt(dns.address, patientMs).watch(
    name,
    () => {
      told += 1
      if (told < 3) throw new Error('not yet')
    },
    () => {
      throw new Error('the log is full')
    },
  )
  onTestFinished(cancel)
  await vi.waitFor(() => expect(told).toBe(3), { timeout: 20_000 })
  expect(warned).toHaveBeenCalledWith(new Error('the log is full'))
})

import { randomUUID } from 'node:crypto'
import { Resolver as DnsResolver } from 'node:dns/promises'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { consulRegistrar } from '../src/consul-registrar.ts'
import { consulResolver } from '../src/consul-resolver.ts'
import { srvResolver } from '../src/srv-resolver.ts'
import { agent, openCaller, openClient, startInstance, startWorld } from './world.ts'

let consul: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  consul = await startWorld({ settings: { dns_config: { enable_truncate: true } } })
}, 600_000)
afterAll(() => consul.stop())

const deadline = { timeout: 15_000, interval: 50 }
const checkIntervalMs = 500
const here = () => agent(consul.url)
const newService = () => `who-${randomUUID().slice(0, 8)}`
const byDns = (service: string) =>
  srvResolver({ nameOf: (name) => `${name}.service.consul`, servers: [`127.0.0.1:${consul.dnsPort}`], pollMs: 100 })
    .resolve(service)
    .then((instances) => instances.map(({ port }) => port).toSorted())
const byHealth = async (service: string) =>
  (await consulResolver({ client: openClient(here()) }).resolve(service)).map(({ id }) => id)
const passing = (service: string, count: number) =>
  vi.waitFor(async () => expect(await byHealth(service)).toHaveLength(count), deadline)

const startTwo = async (service: string) => {
  const two = await Promise.all([1, 2].map(() => startInstance({ service, consul: here(), checkIntervalMs })))
  await passing(service, 2)
  return two as [(typeof two)[number], (typeof two)[number]]
}

describe('two instances on random ports', () => {
  test.each([
    ['SRV records', (service: string) => `consul://127.0.0.1:${consul.dnsPort}/${service}`],
    ['the health API', (service: string) => `consul:///${service}`],
  ])(
    'are found by %s, share the calls evenly, and one killed leaves within its check interval',
    async (_name, target) => {
      const service = newService()
      const [a, b] = await startTwo(service)
      const caller = openCaller(target(service), openClient(here()))
      await vi.waitFor(async () => expect(Object.keys(await caller.tally(4))).toHaveLength(2), deadline)
      expect(await caller.tally(100)).toEqual({ [a.id]: 50, [b.id]: 50 })
      await b.kill()
      const killedAt = performance.now()
      await vi.waitFor(async () => expect(await byHealth(service)).toEqual([a.id]), deadline)
      expect(performance.now() - killedAt).toBeLessThan(2 * checkIntervalMs + 1_000)
      expect(await byDns(service)).toEqual([a.port])
      await vi.waitFor(async () => expect(await caller.tally(10)).toEqual({ [a.id]: 10 }), deadline)
    },
  )

  test('show their ports in the answer of dig: NAME.service.consul SRV', async () => {
    const service = newService()
    const two = await startTwo(service)
    const dns = new DnsResolver()
    dns.setServers([`127.0.0.1:${consul.dnsPort}`])
    const records = await dns.resolveSrv(`${service}.service.consul`)
    expect(records.map(({ port }) => port).toSorted()).toEqual(two.map(({ port }) => port).toSorted())
  })

  test('are gone at once when told to stop', async () => {
    const service = newService()
    const [a, b] = await startTwo(service)
    a.signal('SIGTERM')
    expect(await a.ended()).toEqual({ code: 0, signal: null })
    expect(await byHealth(service)).toEqual([b.id])
    expect(a.output()).toContain('deregistered')
  })
})

test('instances are chosen by tag, and carry tags and meta', async () => {
  const service = newService()
  await startInstance({ service, consul: here(), tags: ['v1'] })
  const second = await startInstance({ service, consul: here(), tags: ['v2', 'canary'] })
  await passing(service, 2)
  const client = openClient(here())
  expect(await consulResolver({ client, tag: 'v2' }).resolve(service)).toEqual([
    {
      id: second.id,
      service,
      host: '127.0.0.1',
      port: second.port,
      tags: ['v2', 'canary'],
      meta: { version: '1' },
    },
  ])
  const caller = openCaller(`consul://127.0.0.1:${consul.dnsPort}/${service}?tag=v2`)
  expect(await caller.tally(4)).toEqual({ [second.id]: 4 })
})

test('an instance whose gRPC health does not answer is not found, and is with a TCP check', async () => {
  const service = newService()
  const mute = { service, consul: here(), checkIntervalMs, mute: true }
  const unhealthy = await startInstance(mute)
  const plain = await startInstance({ ...mute, check: 'tcp' })
  await passing(service, 1)
  expect(await byHealth(service)).toEqual([plain.id])
  expect(unhealthy.output()).toContain('registered')
})

describe('an agent that forgot', () => {
  test('one instance has it again within a check interval', async () => {
    const service = newService()
    const instance = await startInstance({ service, consul: here(), checkIntervalMs })
    await passing(service, 1)
    await openClient(here()).deregister(instance.id)
    await instance.until(/^registered again$/m, checkIntervalMs + 1_000)
    await passing(service, 1)
  })

  test('everything has both again, and clients go on meanwhile', async () => {
    const service = newService()
    const [a, b] = await startTwo(service)
    const client = openClient(here())
    const health = openCaller(`consul:///${service}`, client)
    const dns = openCaller(`consul://127.0.0.1:${consul.dnsPort}/${service}`)
    for (const caller of [health, dns])
      await vi.waitFor(async () => expect(Object.keys(await caller.tally(4))).toHaveLength(2), deadline)
    await consul.crash()
    const even = { [a.id]: 10, [b.id]: 10 }
    expect([await health.tally(20), await dns.tally(20)]).toEqual([even, even])
    await Promise.all([a, b].map((instance) => instance.until(/^failed .*is not there/m, 5_000)))
    await consul.restart()
    await consul.restartEmpty()
    expect([await health.tally(20), await dns.tally(20)]).toEqual([even, even])
    await Promise.all([a, b].map((instance) => instance.until(/^registered again$/m, checkIntervalMs + 5_000)))
    await passing(service, 2)
    expect(await byDns(service)).toEqual([a.port, b.port].toSorted())
    const late = await startInstance({ service, consul: here(), checkIntervalMs })
    await vi.waitFor(async () => expect(Object.keys(await health.tally(6))).toContain(late.id), deadline)
    await vi.waitFor(async () => expect(Object.keys(await dns.tally(6))).toContain(late.id), deadline)
  }, 60_000)
})

test('an instance that starts without an agent serves, says so, and is found once there is one', async () => {
  const service = newService()
  await consul.crash()
  const instance = await startInstance({ service, consul: here(), checkIntervalMs })
  expect(instance.output()).toMatch(/failed .*Consul at http:\S+ is not there.*Start an agent/)
  await consul.restart()
  await instance.until(/^registered$/m)
  await passing(service, 1)
}, 30_000)

test('an instance that leaves while the agent is away ends in time, without a fault', async () => {
  const instance = await startInstance({ service: newService(), consul: here() })
  await consul.crash()
  onTestFinished(() => consul.restart())
  instance.signal('SIGTERM')
  expect(await instance.ended(5_000)).toEqual({ code: 0, signal: null })
}, 30_000)

test('more instances than fit into a UDP answer are all found by DNS where Consul may truncate, and by the health API', async () => {
  const service = newService()
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, resolve))
  onTestFinished(() => void listener.close())
  const { port } = listener.address() as { port: number }
  const client = openClient(here())
  const registrar = consulRegistrar({ client, check: 'tcp', checkIntervalMs: 1_000 })
  const hosts = Array.from({ length: 40 }, (_, place) => `127.0.0.${place + 1}`)
  await Promise.all(
    hosts.map(async (host) => {
      const registration = await registrar.register({ id: `${service}-${host}`, service, host, port })
      onTestFinished(() => registration.deregister())
    }),
  )
  await passing(service, 40)
  expect(await byDns(service)).toHaveLength(40)
})

import { randomUUID } from 'node:crypto'
import { Resolver as DnsResolver } from 'node:dns/promises'
import { createServer } from 'node:net'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { freePort } from '@armature/servers/free-port'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { consulRegistrar } from '../src/consul-registrar.ts'
import { consulResolver } from '../src/consul-resolver.ts'
import { createRegistrar } from '../src/registrar.ts'
import { srvResolver } from '../src/srv-resolver.ts'
import { agent, openCaller, openClient, startInstance, startWorld } from './world.ts'

// After its start, an agent tells nobody of its checks for up to 3 s.
vi.setConfig({ testTimeout: 30_000 })

let consul: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  consul = await startWorld({ settings: { dns_config: { enable_truncate: true } } })
}, serverDeadlineMs)
afterAll(() => consul.stop())

const deadline = { timeout: 15_000, interval: 50 }
const checkIntervalMs = 500
const asIs = (bytes: Buffer) => bytes
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
  ])('are found by %s, share the calls evenly, and one killed leaves', async (_name, target) => {
    const service = newService()
    const [a, b] = await startTwo(service)
    const caller = openCaller(target(service), openClient(here()))
    await vi.waitFor(async () => expect(Object.keys(await caller.tally(4))).toHaveLength(2), deadline)
    // A check that times out on a busy machine takes an instance out for a moment.
    await vi.waitFor(async () => expect(await caller.tally(100)).toEqual({ [a.id]: 50, [b.id]: 50 }), deadline)
    await b.kill()
    await vi.waitFor(async () => expect(await byHealth(service)).toEqual([a.id]), deadline)
    await vi.waitFor(async () => expect(await byDns(service)).toEqual([a.port]), deadline)
    await vi.waitFor(async () => expect(await caller.tally(10)).toEqual({ [a.id]: 10 }), deadline)
  })

  test('show their ports in the SRV records of NAME.service.consul', async () => {
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

test.each([
  ['search_v2', 'v1.2', 'search_v2?tag=v1.2'],
  ['Süche_v2', 'team=a b', 'S%C3%BCche_v2?tag=team%3Da%20b'],
  ['Süche_v3', 'ü', 'Süche_v3?tag=ü'],
])('bug: the service %j and its tag %j, which DNS does not allow, were no target', async (name, tag, target) => {
  const service = `${name}-${randomUUID().slice(0, 8)}`
  await startInstance({ service, consul: here() })
  const wanted = await startInstance({ service, consul: here(), tags: [tag] })
  await passing(service, 2)
  const caller = openCaller(`consul:///${target.replace('?', `${service.slice(name.length)}?`)}`, openClient(here()))
  expect(await caller.tally(4)).toEqual({ [wanted.id]: 4 })
})

describe('a server without a gRPC health service', () => {
  /** A gRPC server: of this status, or, without one, that has no health service. */
  const grpcServer = async (status?: number) => {
    const server = new Server()
    const answer: handleUnaryCall<Buffer, Buffer> = (_call, done) => done(null, Buffer.of(8, Number(status)))
    if (status !== undefined) server.register('/grpc.health.v1.Health/Check', answer, asIs, asIs, 'unary')
    onTestFinished(() => server.forceShutdown())
    return new Promise<{ readonly server: Server; readonly port: number }>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve({ server, port }) : reject(error),
      )
    })
  }

  test('is checked by TCP instead, as the log tells once: also by an agent that forgot, until it ends', async () => {
    const service = newService()
    const { server, port } = await grpcServer()
    const telemetry = testTelemetry()
    const [warn, info] = [vi.spyOn(telemetry.log, 'warn'), vi.spyOn(telemetry.log, 'info')]
    const registrar = createRegistrar({ ...here(), consulCheckIntervalMs: checkIntervalMs }, telemetry)
    const registration = await registrar?.register({ id: service, service, host: '127.0.0.1', port })
    onTestFinished(() => registration?.deregister())
    const told = (times: number) =>
      vi.waitFor(() => expect(info.mock.calls.map((call) => call.at(-1))).toEqual(inTurn.slice(0, times)), deadline)
    const inTurn = ['registered in Consul', 'registered again in Consul', 'registered again in Consul']
    await told(2)
    await passing(service, 1)
    await openClient(here()).deregister(service)
    await told(3)
    await passing(service, 1)
    expect(warn.mock.calls).toEqual([[{ id: service }, expect.stringContaining('no gRPC health service')]])
    server.forceShutdown()
    await passing(service, 0)
  })

  test('is no server that is not serving, or not there: they are asked for their health on and on', async () => {
    const notServing = 2
    for (const [port, says] of [
      [(await grpcServer(notServing)).port, 'NOT_SERVING'],
      [await freePort(), 'refused'],
    ] as const) {
      const service = newService()
      const asked = openClient(here())
      const checkOutput = vi.fn(asked.checkOutput)
      const onEvent = vi.fn()
      const registrar = consulRegistrar({ client: { ...asked, checkOutput }, checkIntervalMs, onEvent })
      const registration = await registrar.register({ id: service, service, host: '127.0.0.1', port })
      onTestFinished(() => registration.deregister())
      const saidSo = () => checkOutput.mock.settledResults.filter(({ value }) => String(value).includes(says))
      await vi.waitFor(() => expect(saidSo().length).toBeGreaterThan(1), deadline)
      expect(onEvent.mock.calls).toEqual([[{ kind: 'registered', id: service }]])
      expect(await byHealth(service)).toEqual([])
    }
  })
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
    // A check that failed just before, on a busy machine, leaves one of them out; but no call fails.
    const both = [a.id, b.id]
    for (const caller of [health, dns])
      expect(both).toEqual(expect.arrayContaining(Object.keys(await caller.tally(20))))
    await Promise.all([a, b].map((instance) => instance.until(/^failed .*is not there/m, deadline.timeout)))
    await consul.restart()
    await consul.restartEmpty()
    // One may be back before the other, and is then all that there is; but no call fails.
    await Promise.all([health.tally(20), dns.tally(20)])
    await Promise.all([a, b].map((instance) => instance.until(/^registered again$/m, deadline.timeout)))
    await passing(service, 2)
    await vi.waitFor(async () => expect(await byDns(service)).toEqual([a.port, b.port].toSorted()), deadline)
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
  const registrar = consulRegistrar({ client, check: 'tcp', checkIntervalMs: 2_000 })
  const hosts = Array.from({ length: 40 }, (_, place) => `127.0.0.${place + 1}`)
  await Promise.all(
    hosts.map(async (host) => {
      const registration = await registrar.register({ id: `${service}-${host}`, service, host, port })
      onTestFinished(() => registration.deregister())
    }),
  )
  // A check that times out on a busy machine leaves its instance out for a moment: both are asked until they have all of them.
  const patient = { timeout: 60_000, interval: 50 }
  await vi.waitFor(async () => expect(await byHealth(service)).toHaveLength(40), patient)
  await vi.waitFor(async () => expect(await byDns(service)).toHaveLength(40), patient)
}, 150_000)

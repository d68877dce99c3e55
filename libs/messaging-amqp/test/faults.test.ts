import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startRabbitmq, type RunningRabbitmq } from '@armature/servers/rabbitmq'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { recorder } from '@armature/messaging-kit/conformance-fixture'
import { ConnectError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import { withOptions } from './fixture.ts'
import { cutProxy } from '@armature/servers/cut-proxy'

const canary = 'canary-7f3a'
const user = { name: 'joe', password: `${canary} %/`, vhost: 'shop' }

let folder: string
let ca: string
let server: RunningRabbitmq

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amqp-faults-'))
  ca = join(folder, 'ca.pem')
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('ca.key'), '-out', ca, '-subj', '/CN=test-ca')
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('key'), '-out', at('csr'), '-subj', '/CN=localhost')
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1')
  const signed = ['x509', '-req', '-in', at('csr'), '-CA', ca, '-CAkey', at('ca.key'), '-CAcreateserial']
  openssl(...signed, '-out', at('cert'), '-extfile', at('names'))
  server = await startRabbitmq({ tls: { ca, cert: at('cert'), key: at('key') }, users: [user] })
}, serverDeadlineMs)
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const portOf = (url: string | undefined) => new URL(url ?? '').port
const plain = () => `127.0.0.1:${portOf(server.url)}`
const secure = () => `127.0.0.1:${portOf(server.tlsUrl)}`
const joe = `joe:${encodeURIComponent(user.password)}`

describe('one clear error each', () => {
  const faults: [string, () => string, ConnectError['fault'], RegExp][] = [
    ['a wrong password', () => `amqp://joe:${canary}@${plain()}/shop`, 'credentials', /check user and password/],
    ['a vhost that is not there', () => `amqp://${joe}@${plain()}/nope`, 'credentials', /virtual host "nope"/],
    ['a vhost of others', () => `amqp://${joe}@${plain()}/`, 'credentials', /virtual host "\/"/],
    ['amqp: to the port of TLS', () => `amqp://${joe}@${secure()}/shop`, 'tls', /use amqps:/],
    ['amqps: to the plain port', () => `amqps://${joe}@${plain()}/shop?ca=${ca}`, 'tls', /use amqp:/],
    ['an unknown authority', () => `amqps://${joe}@${secure()}/shop`, 'tls', /SELF_SIGNED_CERT_IN_CHAIN.*check ca/],
    [
      'a certificate of another name',
      () => `amqps://${joe}@${secure()}/shop?ca=${ca}&serverName=elsewhere`,
      'tls',
      /ALTNAME_INVALID/,
    ],
    [
      'nobody there',
      () => `amqp://${joe}@127.0.0.1:1,127.0.0.1:2?connectWaitMs=300`,
      'unavailable',
      /127\.0\.0\.1:[12] cannot be reached \(ECONNREFUSED\)/,
    ],
  ]
  test.each(faults)('%s', async (_, url, fault, problem) => {
    const startedMs = performance.now()
    const error = await openAmqp(url()).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(ConnectError)
    expect(error).toMatchObject({ fault, message: expect.stringMatching(problem) as string })
    expect((error as Error).message).not.toContain('\n')
    expect(JSON.stringify([String(error), (error as Error).stack])).not.toContain(canary)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  test('what is right opens: over TLS, and by the second of two hosts', async () => {
    for (const url of [`amqps://${joe}@${secure()}/shop?ca=${ca}`, `amqp://${joe}@127.0.0.1:1,${plain()}/shop`]) {
      const driver = await openAmqp(url)
      await driver.subscribe('a.b', async () => undefined, { group: 'g' })
      await driver.publish('a.b', [message('a.b', 'x')])
      await driver.close()
    }
  })
})

describe('a connection that fails', () => {
  const quiet = { warn: () => undefined }

  test('comes back by itself, and what is published meanwhile waits', async () => {
    const proxy = await cutProxy(server.url)
    const driver = await openAmqp(proxy.url, quiet)
    const seen = recorder()
    await driver.subscribe('cut.off', seen.handle)
    proxy.cut()
    const waiting = driver.publish('cut.off', [message('cut.off', 'x')])
    await proxy.mend()
    await waiting
    await vi.waitFor(() => expect(seen.acked).toHaveLength(1), { timeout: 10_000 })
    await driver.close()
    proxy.cut()
  })

  test('bug: a handler went on unaware while its message was with another, its connection lost', async () => {
    const proxy = await cutProxy(server.url)
    const [victim, heir] = [await openAmqp(proxy.url, quiet), await openAmqp(server.url, quiet)]
    try {
      const hanging = recorder(() => new Promise(() => undefined))
      await victim.subscribe('taken.over', hanging.handle, { group: 'signals', serial: 'key' })
      await heir.publish('taken.over', [message('taken.over', 'x')])
      await vi.waitFor(() => expect(hanging.deliveries).toHaveLength(1), { timeout: 10_000 })
      expect(hanging.deliveries[0]?.signal.aborted).toBe(false)
      const next = recorder()
      await heir.subscribe('taken.over', next.handle, { group: 'signals' })
      proxy.cut()
      await vi.waitFor(() => expect(next.acked).toHaveLength(1), { timeout: 10_000 })
      await vi.waitFor(() => expect(hanging.deliveries[0]?.signal.aborted).toBe(true), { timeout: 10_000 })
    } finally {
      await Promise.all([victim.close(), heir.close()])
    }
  })

  test('bug: a publish to a broker that hangs waited for its heartbeat, not for publishWaitMs', async () => {
    const driver = await openAmqp(withOptions(server.url, { publishWaitMs: 500, heartbeatSeconds: 60 }), quiet)
    const [node] = server.nodes
    node?.suspend()
    try {
      let failure: unknown
      driver.publish('hang', [message('hang', 'x')]).catch((error: unknown) => (failure = error))
      await vi.waitFor(() => expect(failure).toMatchObject({ fault: 'unavailable' }), { timeout: 20_000 })
    } finally {
      node?.resume()
      await driver.close()
    }
  })

  test('a broker that is short of memory takes no publishes: they fail in time, and consumers go on', async () => {
    const warnings: string[] = []
    const url = withOptions(server.url, { publishWaitMs: 500 })
    const driver = await openAmqp(url, { warn: (problem) => void warnings.push(problem) })
    const seen = recorder(() => (warnings.length > 0 ? Promise.resolve() : Promise.reject(new Error('not yet'))))
    await driver.subscribe('short.of', seen.handle, { redeliveryDelayMs: 50 })
    await driver.publish('short.of', [message('short.of', 'before')])
    await server.control('set_vm_memory_high_watermark', 'absolute', '1MB')
    try {
      const refused = driver.publish('short.of', [message('short.of', 'x')])
      await expect(refused).rejects.toMatchObject({
        fault: 'unavailable',
        message: expect.stringMatching(/memory/) as string,
      })
      await expect(driver.publish('short.of', [message('short.of', 'y')])).rejects.toThrow('memory')
      expect(warnings.join()).toContain('memory')
      await vi.waitFor(() => expect(seen.acked.length).toBeGreaterThan(0), { timeout: 5_000 })
    } finally {
      await server.control('set_vm_memory_high_watermark', '0.4')
    }
    await vi.waitFor(() => driver.publish('short.of', [message('short.of', 'after')]), { timeout: 10_000 })
    await driver.close()
  }, 60_000)

  test('settings that are none are refused by name', async () => {
    const refused: [string, RegExp][] = [
      ['?type=fan', /type "fan": use one of topic, direct, fanout, headers/],
      ['?bind={}', /bind, which only a headers exchange uses/],
      ['?type=headers&bind=[1]', /bind that is not an object/],
      ['?queueType=classic&deliveryLimit=3', /deliveryLimit, which classic queues do not have/],
      ['?colour=red', /no option "colour": use .*exchange/],
    ]
    for (const [options, problem] of refused) await expect(openAmqp(`${server.url}${options}`)).rejects.toThrow(problem)
  })
})

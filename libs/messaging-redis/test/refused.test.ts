import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { freePort } from '@armature/servers/free-port'
import { startRedis } from '@armature/servers/redis'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { recorder } from '@armature/messaging-kit/conformance-fixture'
import { ConnectError, MessagingUrlError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import { openDriver } from './raw.ts'

vi.setConfig({ testTimeout: 30_000 })

const secret = 'canary-s3cret'
const atOnceMs = 5_000
let folder: string
let plain: RunningServer
let secure: RunningServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'redis-tls-'))
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-days',
    '2',
    '-nodes',
  ]
  for (const name of ['server', 'other']) {
    const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...files], { stdio: 'ignore' })
  }
  const tls = { cert: join(folder, 'server.crt'), key: join(folder, 'server.key'), ca: join(folder, 'server.crt') }
  const users = { app: { password: secret } }
  ;[plain, secure] = await Promise.all([startRedis({ users }), startRedis({ users, tls })])
}, serverDeadlineMs)
afterAll(async () => {
  await Promise.all([plain?.stop(), secure?.stop()])
  rmSync(folder, { recursive: true, force: true })
})

const at = (server: RunningServer) => new URL(server.url).host
const ca = (name: string) => join(folder, `${name}.crt`)

/** Each refused way to open, as a function of the servers, which start later. */
const refused: [what: string, url: () => string, fault: string, says: RegExp][] = [
  [
    'a wrong password',
    () => `redis://app:${secret}x@${at(plain)}`,
    'credentials',
    /WRONGPASS.*check user and password/,
  ],
  ['no password', () => `redis://${at(plain)}`, 'credentials', /NOAUTH/],
  ['a wrong user, streams', () => `redis-streams://nobody:${secret}@${at(plain)}`, 'credentials', /WRONGPASS/],
  ['TLS with a plain server', () => `rediss://app:${secret}@${at(plain)}`, 'tls', /TLS/],
  ['no TLS with a TLS server', () => `redis://app:${secret}@${at(secure)}`, 'tls', /add tls=true/],
  ['an unknown authority', () => `rediss://app:${secret}@${at(secure)}`, 'tls', /SELF_SIGNED|ca/],
  [
    'another authority',
    () => `redis-streams://app:${secret}@${at(secure)}?tls=true&ca=${ca('other')}`,
    'tls',
    /ca, cert/,
  ],
  [
    'another name than the certificate has',
    () => `rediss://app:${secret}@${at(secure)}?ca=${ca('server')}&serverName=elsewhere`,
    'tls',
    /ALTNAME/,
  ],
]

describe('a Redis that cannot be used', () => {
  test.each(refused)('%s is refused at once, in one line, without the password', async (_, url, fault, says) => {
    const startedMs = performance.now()
    const error: unknown = await openDriver(url()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConnectError)
    expect(error).toMatchObject({ fault })
    expect(performance.now() - startedMs).toBeLessThan(atOnceMs)
    const { message: text } = error as ConnectError
    expect(text).toMatch(says)
    expect(text).not.toContain(secret)
    expect(text).not.toContain('\n')
  })

  test.each(['redis', 'redis-streams'])('an absent one is refused after connectWaitMs: %s', async (scheme) => {
    const opening = openDriver(`${scheme}://app:${secret}@127.0.0.1:${await freePort()}?connectWaitMs=200`)
    await expect(opening).rejects.toMatchObject({ fault: 'unavailable', exitCode: 69 })
    await expect(opening).rejects.not.toThrow(secret)
  })

  test.each([
    ['redis://one:6379,two:6379', /Sentinel and Cluster/],
    ['redis://host/orders', /database/],
    ['redis-streams://host?maxMessages=0', /maxMessages/],
    ['redis://host?colour=red', /colour.*use/],
    ['redis-streams://host?appendonly=perhaps', /appendonly/],
  ])('the URL %s is refused', async (url, says) => {
    const opening = openDriver(url)
    await expect(opening).rejects.toThrow(MessagingUrlError)
    await expect(opening).rejects.toThrow(says)
  })

  test.each(['redis-streams', 'redis'])('TLS and credentials that fit are taken: %s', async (scheme) => {
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, `${secret}\n`)
    const options = `tls=true&ca=${ca('server')}&user=app&passwordFile=${passwordFile}`
    const driver = await openDriver(`${scheme}://${at(secure)}/3?${options}`)
    const seen = recorder()
    await driver.subscribe('t', seen.handle)
    await driver.publish('t', [message('t', 'x')])
    await vi.waitFor(() => expect(seen.acked).toHaveLength(1), { timeout: 10_000 })
    await driver.close()
  })
})

describe('redis:', () => {
  test('refuses a group, and points to the driver that has them', async () => {
    const driver = await openDriver(plain.url)
    const options = { group: 'billing' }
    await expect(driver.subscribe('t', async () => undefined, options)).rejects.toThrow('redis-streams:')
    await driver.close()
  })

  test('drops what a slow handler leaves no room for, and says so', async () => {
    const warnings: string[] = []
    const driver = await openDriver(`${plain.url}?maxHeld=10`, { warn: (problem) => void warnings.push(problem) })
    const seen = recorder(() => new Promise(() => undefined))
    await driver.subscribe('slow', seen.handle, { maxInFlight: 5 })
    for (let at = 0; at < 30; at++) await driver.publish('slow', [message('slow', String(at))])
    await vi.waitFor(() => expect(warnings.at(-1)).toMatch(/8 messages of slow are lost: their handler is slower/), {
      timeout: 10_000,
    })
    expect(seen.unsettled).toBe(5)
    await driver.close()
  })

  test('what a handler rejects does not come again, and it says so', async () => {
    const warnings: string[] = []
    const driver = await openDriver(plain.url, { warn: (problem) => void warnings.push(problem) })
    const seen = recorder(async ({ id }) => {
      if (id === 'bad') throw new Error('no')
    })
    await driver.subscribe('picky', seen.handle, { redeliveryDelayMs: 1, serial: 'key' })
    const messages = ['bad', 'good', 'last'].map((id) => message('picky', id, { id, key: 'k' }))
    await driver.publish('picky', messages)
    await vi.waitFor(() => expect(seen.acked).toHaveLength(2), { timeout: 10_000 })
    expect(seen.deliveries.map(({ id }) => id)).toEqual(['bad', 'good', 'last'])
    expect(warnings).toEqual([expect.stringContaining('1 messages of picky are lost: their handler rejected')])
    await driver.close()
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startKafka } from '@armature/servers/kafka'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { ConnectError, type ConnectFault } from '@armature/messaging/errors'
import { openKafka } from '../src/driver.ts'
import { message } from '@armature/messaging/message'
import { authority, certificate } from '@armature/servers/certificates'

describe.skipIf(skipped('kafka'))('Kafka with log-in and TLS', () => {
  const [user, password] = ['alice', 'sw0rd.fish']
  const connectWaitMs = 4_000
  let folder: string
  let plain: RunningServer
  let secured: RunningServer
  let ca: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kafka-tls-'))
    const signer = authority(folder, 'ca')
    ca = signer.cert
    await writeFile(join(folder, 'password'), `${password}\n`)
    const tls = certificate(folder, 'server', signer, 'IP:127.0.0.1')
    ;[plain, secured] = await Promise.all([
      startKafka({ sasl: { user, password } }),
      startKafka({ sasl: { user, password }, tls }),
    ])
  }, serverDeadlineMs)

  afterAll(async () => {
    await Promise.all([plain?.stop(), secured?.stop()])
    await rm(folder, { recursive: true, force: true })
  })

  const at = (server: RunningServer, login: string, options: string) =>
    `${server.url.replace('kafka://', `kafka://${login}`)}?connectWaitMs=${connectWaitMs}${options}`
  const trusted = () => `&tls=true&ca=${ca}`

  describe('what is let in', () => {
    test.each(['plain', 'scram-sha-256', 'scram-sha-512'])('%s, over TLS', { timeout: 60_000 }, async (mechanism) => {
      const topic = uniqueTopic()
      const driver = await openKafka(at(secured, `${user}:${password}@`, `&sasl=${mechanism}${trusted()}`))
      try {
        const seen = recorder()
        await driver.subscribe(topic, seen.handle, { group: topic })
        await driver.publish(topic, [message(topic, 'x')])
        await vi.waitFor(() => expect(seen.acked).toHaveLength(1), { timeout: 30_000 })
      } finally {
        await driver.close()
      }
    })

    test('a password from a file, without TLS', async () => {
      const driver = await openKafka(at(plain, '', `&user=${user}&passwordFile=${join(folder, 'password')}`))
      await driver.close()
    })
  })

  describe('what is not let in says why in one line, without the credentials', () => {
    const cases: [string, ConnectFault, () => string][] = [
      ['a wrong password', 'credentials', () => at(plain, `${user}:wr0ng.pass@`, '')],
      ['a wrong password by SCRAM', 'credentials', () => at(plain, `${user}:wr0ng.pass@`, '&sasl=scram-sha-512')],
      ['an unknown user', 'credentials', () => at(secured, `mallory:${password}@`, trusted())],
      ['TLS to a plain listener', 'tls', () => at(plain, `${user}:${password}@`, trusted())],
      ['no TLS to a listener with TLS', 'tls', () => at(secured, `${user}:${password}@`, '')],
      ['an authority that is not known', 'tls', () => at(secured, `${user}:${password}@`, '&tls=true')],
      [
        'another name than that of the certificate',
        'tls',
        () => at(secured, `${user}:${password}@`, `${trusted()}&serverName=other.example`),
      ],
    ]
    test.each(cases)('%s', async (_, fault, url) => {
      const startedMs = performance.now()
      const error: unknown = await openKafka(url()).catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(ConnectError)
      expect(error).toMatchObject({ fault })
      const { message: text } = error as ConnectError
      expect(text).toMatch(/^cannot connect to Kafka at 127\.0\.0\.1:\d+: [^\n]+$/)
      for (const secret of [password, 'wr0ng.pass'])
        expect(JSON.stringify([text, String((error as Error).stack)])).not.toContain(secret)
      expect(performance.now() - startedMs).toBeLessThan(connectWaitMs)
    })

    test('no log-in where one is needed, and a broker that is away, are given up after connectWaitMs', async () => {
      for (const url of [`${plain.url}?connectWaitMs=500`, 'kafka://127.0.0.1:1?connectWaitMs=500']) {
        const error: unknown = await openKafka(url).catch((reason: unknown) => reason)
        expect(error).toMatchObject({ name: 'ConnectError', fault: 'unavailable', exitCode: 69 })
      }
    })
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { freePort } from '@armature/servers/free-port'
import { startNats, type NatsOptions } from '@armature/servers/nats'
import type { RunningServer } from '@armature/servers/server'
import { nkeys } from '@nats-io/nats-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ConnectError, MessagingUrlError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import { authority, certificate, type Certificate } from '@armature/servers/certificates'
import { driverUrl, openDriver } from './fixture.ts'

const schemes = ['nats', 'jetstream'] as const
const secret = 'c4nary-s3cret'

let folder: string
let ca: Certificate
let otherCa: Certificate
let ours: Certificate
let client: Certificate
let servers: RunningServer[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nats-connection-'))
  ca = authority(folder, 'ca')
  otherCa = authority(folder, 'other-ca')
  ours = certificate(folder, 'server', ca, 'IP:127.0.0.1')
  client = certificate(folder, 'client', ca, 'DNS:client')
  // Tests start servers with settings of their own: this installs the program before their time begins.
  await (await startNats()).stop()
}, serverDeadlineMs)

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()))
  servers = []
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const start = async (options: NatsOptions): Promise<RunningServer> => {
  const server = await startNats(options)
  servers.push(server)
  return server
}

const refusal = async (url: string): Promise<Error & { fault?: string }> => {
  const startedMs = performance.now()
  const error: unknown = await openDriver(url).then(
    async (driver) => {
      await driver.close()
      return new Error('it was not refused')
    },
    (fault: unknown) => fault,
  )
  // At once: not after connectWaitMs.
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  return error as Error
}

const works = async (url: string) => {
  const driver = await openDriver(url)
  try {
    await driver.publish('works.well', [message('works.well', 'x')])
  } finally {
    await driver.close()
  }
}

describe.each(schemes)('%s:', { timeout: 30_000 }, (scheme) => {
  test('user and password, in the URL or in a file', async () => {
    const server = await start({ users: [{ user: 'me', password: secret }] })
    const { host } = new URL(server.url)
    const file = join(folder, `${scheme}-password`)
    await writeFile(file, `${secret}\n`)
    await works(`${scheme}://me:${secret}@${host}`)
    await works(`${scheme}://${host}?user=me&passwordFile=${file}`)
    for (const wrong of [`${scheme}://me:${secret}x@${host}`, `${scheme}://${host}`]) {
      const error = await refusal(wrong)
      expect(error).toBeInstanceOf(ConnectError)
      expect(error).toMatchObject({ fault: 'credentials' })
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(secret)
      expect(error.message).not.toContain('\n')
    }
  })

  test('a token', async () => {
    const server = await start({ token: secret })
    await works(driverUrl(scheme, server.url, `token=${secret}`))
    const error = await refusal(driverUrl(scheme, server.url, 'token=another'))
    expect(error).toMatchObject({ fault: 'credentials' })
    expect(error.message).not.toContain('another')
  })

  test('an nkey', async () => {
    const [pair, stranger] = [nkeys.createUser(), nkeys.createUser()]
    const server = await start({ users: [{ nkey: pair.getPublicKey() }] })
    const [mine, theirs] = [join(folder, `${scheme}-mine.nk`), join(folder, `${scheme}-theirs.nk`)]
    await writeFile(mine, pair.getSeed())
    await writeFile(theirs, stranger.getSeed())
    await works(driverUrl(scheme, server.url, `nkey=${mine}`))
    expect(await refusal(driverUrl(scheme, server.url, `nkey=${theirs}`))).toMatchObject({ fault: 'credentials' })
    await writeFile(theirs, 'no seed')
    expect(await refusal(driverUrl(scheme, server.url, `nkey=${theirs}`))).toMatchObject({ fault: 'credentials' })
  })

  test('TLS with the right authority works, and each mismatch is one clear error', async () => {
    const server = await start({ tls: ours })
    const plain = await start({})
    const at = (options: string) => driverUrl(scheme, server.url, options)
    await works(at(`tls=true&ca=${ca.cert}`))
    const mismatches = [
      [at(''), /wants TLS/],
      [at('tls=true'), /ca/],
      [at(`tls=true&ca=${otherCa.cert}`), /ca/],
      [at(`tls=true&ca=${ca.cert}&serverName=elsewhere`), /serverName/],
      [driverUrl(scheme, plain.url, `tls=true&ca=${ca.cert}`), /tls/],
    ] as const
    for (const [url, says] of mismatches) {
      const error = await refusal(url)
      expect(error, url).toMatchObject({ fault: 'tls' })
      expect(error.message).toMatch(says)
      expect(error.message).not.toContain('\n')
    }
  })

  test('a server that wants a certificate of its clients', async () => {
    const server = await start({ tls: { ...ours, ca: ca.cert } })
    const with_ = `tls=true&ca=${ca.cert}`
    await works(driverUrl(scheme, server.url, `${with_}&cert=${client.cert}&key=${client.key}`))
    const error = await refusal(driverUrl(scheme, server.url, with_))
    expect(error).toMatchObject({ fault: 'tls' })
    expect(error.message).toContain('cert=')
  })

  test('an absent server is waited for, as long as connectWaitMs', async () => {
    const port = await freePort()
    const error = await refusal(`${scheme}://127.0.0.1:${port}?connectWaitMs=300`)
    expect(error).toMatchObject({ name: 'ConnectError', fault: 'unavailable' })
    expect(error.message).toContain(String(port))
  })

  test('what contradicts itself or is not there is refused by name', async () => {
    expect(await refusal(`${scheme}://me:x@127.0.0.1?token=y`)).toBeInstanceOf(MessagingUrlError)
    expect((await refusal(`${scheme}://127.0.0.1?creds=/nowhere/at/all`)).message).toContain('creds')
  })
})

test('jetstream: says when the server has none', async () => {
  const server = await start({ jetstream: false })
  const error = await refusal(driverUrl('jetstream', server.url))
  expect(error).toMatchObject({ name: 'ConnectError' })
  expect(error.message).toContain('--jetstream')
})

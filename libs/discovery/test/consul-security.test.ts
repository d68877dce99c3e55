import { randomUUID } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { consulRegistrar, type RegistrationEvent } from '../src/consul-registrar.ts'
import { certificates } from './certificates.ts'
import { agent, openClient, startInstance, startWorld } from './world.ts'

const files = certificates()
let consul: Awaited<ReturnType<typeof startWorld>>
let ca: string
let otherCa: string
let client: { cert: string; key: string }

beforeAll(async () => {
  ca = files.authority('ca')
  otherCa = files.authority('other-ca')
  client = files.issued('client', 'ca', 'DNS:client')
  const server = files.issued('server', 'ca', 'DNS:consul.test,IP:127.0.0.1')
  consul = await startWorld({ acl: true, tls: { ca, ...server, verifyIncoming: true } })
}, serverDeadlineMs)
afterAll(async () => {
  await consul?.stop()
  files.remove()
})

const secured = () => ({ consulCacert: ca, consulClientCert: client.cert, consulClientKey: client.key })
const granted = (token: string | undefined) => ({
  ...secured(),
  ...(token === undefined ? {} : { consulHttpToken: token }),
})
const open = (more: Parameters<typeof agent>[1]) => openClient(agent(consul.url, more))

/** Consul's own API, as its manager. */
const put = async (path: string, body: string): Promise<string> => {
  const [caText, cert, key] = [ca, client.cert, client.key].map((file) => readFileSync(file, 'utf8'))
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { 'x-consul-token': String(consul.token) }
  request(`${consul.url}/v1/${path}`, { method: 'PUT', ca: caText, cert, key, headers }, (response) => {
    response.toArray().then((chunks: Buffer[]) => resolve(Buffer.concat(chunks).toString()), reject)
  })
    .on('error', reject)
    .end(body)
  return promise
}
const kvPut = (key: string, value: string) => put(`kv/${key}`, value)

/** A token that allows what the rules say. */
const newToken = async (rules: string): Promise<string> => {
  const name = `policy-${randomUUID()}`
  await put('acl/policy', JSON.stringify({ Name: name, Rules: rules }))
  const token = JSON.parse(await put('acl/token', JSON.stringify({ Policies: [{ Name: name }] }))) as {
    SecretID: string
  }
  return token.SecretID
}

describe('TLS', () => {
  test('with the right authority and client certificate is accepted, from a file or a folder of authorities', async () => {
    expect(await open(granted(consul.token)).checkOutput('nothing')).toBeUndefined()
    const folder = join(files.folder, 'authorities')
    mkdirSync(folder)
    copyFileSync(ca, join(folder, 'a.pem'))
    copyFileSync(otherCa, join(folder, 'b.crt'))
    const { consulCacert: _, ...others } = granted(consul.token)
    expect(await open({ ...others, consulCapath: folder }).checkOutput('nothing')).toBeUndefined()
  })

  test('is refused without the authority, by another one, by another name, and without a client certificate', async () => {
    const { consulCacert: _, ...without } = granted(consul.token)
    const rejected = [
      without,
      { ...without, consulCacert: otherCa },
      { ...granted(consul.token), consulTlsServerName: 'other.test' },
      { consulCacert: ca, consulHttpToken: String(consul.token) },
    ]
    for (const more of rejected) {
      const error = await open(more).checkOutput('nothing').catch(String)
      expect(error).toMatch(/CONSUL_CACERT|closed the connection/)
      expect(error).not.toContain(consul.token)
    }
  })

  test('checks the name that CONSUL_TLS_SERVER_NAME tells', async () => {
    const more = { ...granted(consul.token), consulTlsServerName: 'consul.test' }
    expect(await open(more).checkOutput('nothing')).toBeUndefined()
  })

  test('to a plain address is an error that names the scheme', async () => {
    const plain = openClient(agent(consul.url.replace('https:', 'http:'), granted(consul.token)))
    await expect(plain.checkOutput('nothing')).rejects.toThrow(/answered 400.*https:/)
  })
})

test('a server that speaks TLS is checked over TLS', async () => {
  const [cert, key] = [client.cert, client.key].map((file) => readFileSync(file, 'utf8')) as [string, string]
  const options = { consul: agent(consul.url, granted(consul.token)), tls: { cert, key } }
  await startInstance({ ...options, service: 'who-tls', check: 'grpc+tls' })
  await startInstance({ ...options, service: 'who-plain', check: 'grpc' })
  const manager = open(granted(consul.token))
  await vi.waitFor(async () => expect((await manager.instances('who-tls')).value).toHaveLength(1), { timeout: 5_000 })
  expect((await manager.instances('who-plain')).value).toEqual([])
})

describe('ACL', () => {
  test('without a token a registration is refused, told with the variable to set, and tried on until the token file has one', async () => {
    const service = `who-${randomUUID().slice(0, 8)}`
    const tokenFile = join(files.folder, 'token')
    writeFileSync(tokenFile, '')
    const events: RegistrationEvent[] = []
    const registrar = consulRegistrar({
      client: open({ ...secured(), consulHttpTokenFile: tokenFile }),
      check: 'tcp',
      checkIntervalMs: 500,
      startWaitMs: 100,
      onEvent: (event) => events.push(event),
    })
    const registration = await registrar.register({ id: service, service, host: '127.0.0.1', port: consul.httpPort })
    onTestFinished(() => registration.deregister())
    await vi.waitFor(() => expect(events[0]).toMatchObject({ kind: 'failed', id: service }), { timeout: 10_000 })
    expect(String(events[0]?.kind === 'failed' && events[0].fault)).toMatch(/answered 403.*CONSUL_HTTP_TOKEN_FILE/)
    writeFileSync(tokenFile, await newToken(`service_prefix "who-" { policy = "write" }`))
    await vi.waitFor(() => expect(events.at(-1)?.kind).toBe('registered'), { timeout: 5_000 })
  })

  test('a token of one service registers that service and keeps it registered, and no other', async () => {
    const token = await newToken(`service "who-mine" { policy = "write" }`)
    const instance = await startInstance({ service: 'who-mine', consul: agent(consul.url, granted(token)) })
    expect(instance.output()).toMatch(/^registered$/m)
    await open(granted(consul.token)).deregister(instance.id)
    await instance.until(/^registered again$/m, 3_000)
    const other = await startInstance({ service: 'who-other', consul: agent(consul.url, granted(token)) })
    expect(other.output()).toMatch(/failed .*403/)
    expect(other.output()).not.toContain(token)
  }, 20_000)

  test('KV and instances that the token may not read are an error, not an empty answer', async () => {
    const prefix = 'config/who-service/'
    const manager = open(granted(consul.token))
    expect(await kvPut(`${prefix}logLevel`, 'debug')).toBe('true')
    await startInstance({ service: 'who-hidden', consul: agent(consul.url, granted(consul.token)) })
    await vi.waitFor(async () => expect((await manager.instances('who-hidden')).value).toHaveLength(1), {
      timeout: 5_000,
    })
    await expect(
      open(granted(await newToken(`key_prefix "other/" { policy = "read" }`))).values(prefix),
    ).rejects.toThrow(/KV below config\/who-service\/.*may not read/)
    const { value } = await open(granted(await newToken(`key_prefix "config/" { policy = "read" }`))).values(prefix)
    expect(value).toEqual({ logLevel: 'debug' })
    const blind = open(granted(await newToken(`key_prefix "config/" { policy = "read" }`)))
    await expect(blind.instances('who-hidden')).rejects.toThrow('may not read')
  })
})

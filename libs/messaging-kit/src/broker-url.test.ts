import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseBrokerUrl, passwordOf, tlsOptions } from './broker-url.ts'
import { MessagingUrlError } from '@armature/messaging/errors'

const parse = (url: string) =>
  parseBrokerUrl(url, {
    schemes: ['amqp', 'amqps'],
    defaultPort: 5672,
    options: { exchange: 'text', prefetch: 'integer', durable: 'toggle' },
  })

const accepted: [url: string, expected: object][] = [
  ['amqp:', { hosts: [{ host: '127.0.0.1', port: 5672 }], path: '', user: undefined, password: undefined }],
  ['amqp://broker', { hosts: [{ host: 'broker', port: 5672 }] }],
  ['AMQP://a:1,b:65535/', { hosts: [{ host: 'a', port: 1 }, { host: 'b', port: 65535 }] }], // prettier-ignore
  ['amqp://[::1]:7', { hosts: [{ host: '::1', port: 7 }] }],
  ['amqp://u@h', { user: 'u', password: undefined }],
  ['amqp://u:p%40%3A%2F@h/%2Fvhost', { user: 'u', password: 'p@:/', path: '/vhost' }],
  ['amqp://u:a:b@h', { password: 'a:b' }],
  ['amqp://h?user=x@corp', { user: 'x@corp' }],
  ['amqp://h?user=x&passwordFile=/f', { user: 'x', passwordFile: '/f' }],
  ['amqp://h?exchange=e&prefetch=10&durable=false', { options: { exchange: 'e', prefetch: '10', durable: 'false' } }],
  ['amqp://h', { tls: undefined, publishWaitMs: 30_000, connectWaitMs: 30_000, closeWaitMs: 5_000, options: {} }],
  ['amqp://h?publishWaitMs=1&connectWaitMs=2&closeWaitMs=3', { publishWaitMs: 1, connectWaitMs: 2, closeWaitMs: 3 }],
  ['amqps://h', { scheme: 'amqp', tls: { ca: undefined, cert: undefined, key: undefined, serverName: undefined } }],
  ['amqp://h?tls=true&ca=/ca&serverName=n', { tls: { ca: '/ca', cert: undefined, key: undefined, serverName: 'n' } }],
  ['amqps://h?cert=/c&key=/k', { tls: { ca: undefined, cert: '/c', key: '/k', serverName: undefined } }],
]

test.each(accepted)('%s is read', (url, expected) => {
  expect(parse(url)).toMatchObject(expected)
})

const secret = 's3cret'
const rejected: [url: string, named: string][] = [
  [`amqp://u:${secret}@h:0`, 'port 0'],
  [`amqp://u:${secret}@h:65536`, '65535'],
  [`amqp://u:${secret}@h h`, 'host:port'],
  [`amqp://u:${secret}@a,,b`, 'host:port'],
  [`amqp://u:${secret}/x@h`, 'host:port'],
  [`amqp://u:${secret}@h?prefech=1`, 'prefetch'],
  [`amqp://u:${secret}@h?prefetch=1&prefetch=2`, 'twice'],
  [`amqp://u:${secret}@h?prefetch=-1`, 'whole number'],
  [`amqp://u:${secret}@h?durable=yes`, 'true or false'],
  [`amqp://u:${secret}@h?exchange=`, 'empty'],
  [`amqp://u:${secret}@h?ca=/ca`, 'tls=true'],
  [`amqps://u:${secret}@h?cert=/c`, 'together'],
  [`amqp://u:${secret}%zz@h`, '%25'],
  [`amqp://u:${secret}@h/%zz`, '%25'],
  [`amqp://u:12/${secret}@h`, 'percent-encoded'],
  [`amqp://u:12?${secret}@h:5672`, 'percent-encoded'],
  [`amqp://u:12?${secret}=x@h:5672`, 'percent-encoded'],
  [`amqp://u:${secret}@a,u:${secret}@b`, 'host:port'],
  [`amqp://u:${secret}@a,amqp://u:${secret}@b`, 'host:port'],
  [`amqp://u:${secret}@h/a#b`, 'percent-encoded'],
]

test.each(rejected)('%s is refused, and why is said without the password', (url, named) => {
  expect(() => parse(url)).toThrow(MessagingUrlError)
  expect(() => parse(url)).toThrow(named)
  expect(() => parse(url)).not.toThrow(secret)
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'broker-url-'))
  await writeFile(join(folder, 'password'), `${secret}\n`)
  await writeFile(join(folder, 'ca.pem'), 'certificate')
})
afterAll(() => rm(folder, { recursive: true }))

test('a password comes from its file, without the end of the line', async () => {
  expect(await passwordOf(parse(`amqp://h?user=u&passwordFile=${folder}/password`))).toBe(secret)
  expect(await passwordOf(parse('amqp://u:p@h'))).toBe('p')
  expect(await passwordOf(parse('amqp://h'))).toBeUndefined()
})

test('a file that cannot be read is named with its option', async () => {
  await expect(passwordOf(parse(`amqp://h?passwordFile=${folder}/none`))).rejects.toThrow(/passwordFile .*ENOENT.*none/)
  await expect(tlsOptions(parse(`amqps://h?ca=${folder}/none`))).rejects.toThrow(MessagingUrlError)
})

test('TLS has what the URL names, and is undefined without TLS', async () => {
  expect(await tlsOptions(parse(`amqps://h?ca=${folder}/ca.pem&serverName=n`))).toEqual({
    ca: Buffer.from('certificate'),
    servername: 'n',
  })
  expect(await tlsOptions(parse('amqps://h'))).toEqual({})
  expect(await tlsOptions(parse('amqp://h'))).toBeUndefined()
})

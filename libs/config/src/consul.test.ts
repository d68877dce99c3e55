import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { consulSettings, kvSettings, registrationSettings } from './consul.ts'
import { loadConfig } from './load.ts'
import { describeSettings } from './schema.ts'

const settings = z.object({ ...consulSettings, ...kvSettings, ...registrationSettings })
const load = (env: Readonly<Record<string, string>>) => loadConfig({ name: 'test', settings, argv: [], env }).config

test('the variables are those of the tools of Consul', () => {
  const names = describeSettings(z.object(consulSettings)).map(({ env }) => env)
  expect(names).toEqual([
    'CONSUL_HTTP_ADDR',
    'CONSUL_HTTP_TOKEN',
    'CONSUL_HTTP_TOKEN_FILE',
    'CONSUL_CACERT',
    'CONSUL_CAPATH',
    'CONSUL_CLIENT_CERT',
    'CONSUL_CLIENT_KEY',
    'CONSUL_TLS_SERVER_NAME',
    'CONSUL_NAMESPACE',
    'CONSUL_PARTITION',
  ])
})

test('the file of the token is a setting, so that it can be read again', () => {
  const config = load({ CONSUL_HTTP_TOKEN: 'a', CONSUL_HTTP_TOKEN_FILE: '/run/token' })
  expect(config).toMatchObject({ consulHttpToken: 'a', consulHttpTokenFile: '/run/token' })
})

describe('CONSUL_HTTP_ADDR', () => {
  test.each([
    '127.0.0.1:8500',
    'consul.example',
    '[::1]:8500',
    'http://127.0.0.1:8500',
    'https://consul.example/prefix',
  ])('may be %s', (address) => {
    expect(load({ CONSUL_HTTP_ADDR: address }).consulHttpAddr).toBe(address)
  })

  test.each(['unix:///run/consul.sock', 'http://', 'a b', 'ftp://127.0.0.1', '::1'])('may not be %s', (address) => {
    expect(() => load({ CONSUL_HTTP_ADDR: address })).toThrow(/CONSUL_HTTP_ADDR.*HOST:PORT/)
  })

  test('may not hold credentials, which are not told', () => {
    const loading = () => load({ CONSUL_HTTP_ADDR: 'http://user:canary@127.0.0.1:8500' })
    expect(loading).toThrow(/holds credentials.*CONSUL_HTTP_TOKEN_FILE/)
    expect(loading).not.toThrow('canary')
  })
})

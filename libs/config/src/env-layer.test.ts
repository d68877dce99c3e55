import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { messagingSettings } from './common.ts'
import { consulSettings } from './consul.ts'
import { ConfigError } from './faults.ts'
import { helpText } from './help.ts'
import { loadConfig } from './load.ts'
import { environmentWithout } from './process.ts'
import { port, toggle } from './settings.ts'

const settings = z.object({
  ...messagingSettings,
  ...consulSettings,
  httpPort: port().default(0),
  quiet: toggle().default(false).meta({ env: 'OWN_QUIET' }),
})
const envPrefix = 'OWN_'
const load = (env: Record<string, string>, prefix: string | undefined = envPrefix) =>
  loadConfig({ name: 'demo', settings, argv: [], env, envPrefix: prefix })
const faultsOf = (env: Record<string, string>) => {
  try {
    load(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  throw new Error('was accepted')
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const fileOf = (text: string) => {
  const path = join(folder, text.replaceAll(/\W/g, '-'))
  writeFileSync(path, text)
  return path
}

describe('a variable with the prefix', () => {
  test('is stronger than the one without, which counts where it stands alone', () => {
    expect(load({ HTTP_PORT: '1', OWN_HTTP_PORT: '2' }).config.httpPort).toBe(2)
    expect(load({ HTTP_PORT: '1' }).config.httpPort).toBe(1)
    expect(load({ HTTP_PORT: '1', OWN_HTTP_PORT: '' }).config.httpPort).toBe(1)
  })

  test('means nothing without the option', () => {
    expect(loadConfig({ name: 'demo', settings, argv: [], env: { OWN_HTTP_PORT: '2' } }).config.httpPort).toBe(0)
  })

  test('is no second prefix for a name that begins with it', () => {
    expect(load({ OWN_QUIET: 'true' }).config.quiet).toBe(true)
    expect(load({ OWN_OWN_QUIET: 'true' }).config.quiet).toBe(false)
  })

  test.each<[string, (path: (text: string) => string) => Record<string, string>]>([
    ['variable, variable', () => ({ MESSAGING_URL: 'nats://app', OWN_MESSAGING_URL: 'kafka://own' })],
    ['file, variable', (path) => ({ MESSAGING_URL_FILE: path('nats://app'), OWN_MESSAGING_URL: 'kafka://own' })],
    ['variable, file', (path) => ({ MESSAGING_URL: 'nats://app', OWN_MESSAGING_URL_FILE: path('kafka://own') })],
    ['file, file', (path) => ({ MESSAGING_URL_FILE: path('nats://app'), OWN_MESSAGING_URL_FILE: path('kafka://own') })],
    [
      'a file that is not there, file',
      (path) => ({ MESSAGING_URL_FILE: '/none', OWN_MESSAGING_URL_FILE: path('kafka://own') }),
    ],
    [
      'both, file',
      (path) => ({ MESSAGING_URL: 'a', MESSAGING_URL_FILE: '/none', OWN_MESSAGING_URL_FILE: path('kafka://own') }),
    ],
  ])('hides both forms without it: %s', (_what, env) => {
    expect(load(env(fileOf)).config.messagingUrl).toBe('kafka://own')
  })

  test('hides the file of a token that is a setting of its own', () => {
    const own = load({ CONSUL_HTTP_TOKEN_FILE: '/app', OWN_CONSUL_HTTP_TOKEN: 'own' }).config
    expect([own.consulHttpToken, own.consulHttpTokenFile]).toEqual(['own', undefined])
    const file = load({ CONSUL_HTTP_TOKEN: 'app', OWN_CONSUL_HTTP_TOKEN_FILE: '/own' }).config
    expect([file.consulHttpToken, file.consulHttpTokenFile]).toEqual([undefined, '/own'])
    const app = load({ CONSUL_HTTP_TOKEN: 'app', CONSUL_HTTP_TOKEN_FILE: '/app' }).config
    expect([app.consulHttpToken, app.consulHttpTokenFile]).toEqual(['app', '/app'])
  })

  test('and a file of it are a fault that names them', () => {
    const [fault, ...others] = faultsOf({ OWN_MESSAGING_URL: 'a:', OWN_MESSAGING_URL_FILE: '/b' })
    expect(fault).toMatchObject({
      source: 'env OWN_MESSAGING_URL_FILE',
      fix: 'set either OWN_MESSAGING_URL or OWN_MESSAGING_URL_FILE',
    })
    expect(others).toEqual([])
  })

  test('with a wrong value is named in the fault and its fix', () => {
    expect(faultsOf({ OWN_HTTP_PORT: 'x' })).toMatchObject([{ source: 'env OWN_HTTP_PORT' }])
    expect(faultsOf({ OWN_HTTP_PORT: 'x' })[0]?.fix).toContain('set OWN_HTTP_PORT to')
  })
})

describe('explain', () => {
  test('names the variable that won, and those that it hides, never their values', () => {
    const { explain } = load({ MESSAGING_URL_FILE: '/app', OWN_MESSAGING_URL: 'kafka://u:canary@own' })
    expect(explain('messagingUrl')).toContain('env OWN_MESSAGING_URL: ***  <- wins  (ignored: MESSAGING_URL_FILE)')
    expect(explain('OWN_MESSAGING_URL')).toBe(explain('MESSAGING_URL'))
    expect(load({ HTTP_PORT: '1' }).explain('httpPort')).not.toContain('ignored')
  })

  test('knows no prefix without the option', () => {
    expect(() => loadConfig({ name: 'demo', settings, argv: [], env: {} }).explain('OWN_HTTP_PORT')).toThrow(
      ConfigError,
    )
  })
})

test('the help tells of the prefix where there is one', () => {
  expect(helpText({ name: 'demo', settings, envPrefix })).toContain('OWN_NAME and OWN_NAME_FILE are stronger')
  expect(helpText({ name: 'demo', settings })).not.toContain('stronger than the env variables')
})

test('the environment for a child has no variable with the prefix', () => {
  const env = { OWN_HTTP_PORT: '2', OWN_TYPO: 'secret', HTTP_PORT: '1', OWNER: 'me' }
  expect(environmentWithout(envPrefix, env)).toEqual({ HTTP_PORT: '1', OWNER: 'me' })
})

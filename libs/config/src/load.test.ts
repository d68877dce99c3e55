import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { ConfigError } from './faults.ts'
import { loadConfig, type LoadOptions } from './load.ts'
import { choice, decimal, integer, list, port, text, toggle } from './settings.ts'

const settings = z.object({
  grpcPort: port().default(0).meta({ description: 'gRPC port', short: 'p' }),
  mode: choice(['fast', 'safe']).default('safe'),
  once: toggle().default(false),
  topics: list(text()).default([]).meta({ short: 't' }),
  ratio: decimal({ min: 0, max: 1 }).optional(),
  labels: z.record(z.string(), z.string()).default({}),
  password: text().optional().meta({ secret: true }),
})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const file = (content: unknown, name = 'settings.json'): string => {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

type Input = Partial<Omit<LoadOptions<typeof settings>, 'name' | 'settings'>>
const load = (input: Input = {}) => loadConfig({ name: 'demo', settings, argv: [], env: {}, ...input })
const refused = (input: Input): ConfigError => {
  try {
    load(input)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('precedence', () => {
  const layers = { kv: { grpcPort: '3' } }

  test('flag before env before KV before file before default', () => {
    const config = file({ grpcPort: 4 })
    const argv = ['--config', config]
    const port = (input: Input) => load(input).config.grpcPort
    expect(port({ argv: [...argv, '--grpc-port', '1'], env: { GRPC_PORT: '2' }, layers })).toBe(1)
    expect(port({ argv, env: { GRPC_PORT: '2' }, layers })).toBe(2)
    expect(port({ argv, layers })).toBe(3)
    expect(port({ argv })).toBe(4)
    expect(port({})).toBe(0)
  })

  test('an empty env variable counts as not set', () => {
    expect(load({ env: { GRPC_PORT: '' }, layers }).config.grpcPort).toBe(3)
  })

  test('a value that a stronger layer hides is not a fault', () => {
    expect(load({ argv: ['--grpc-port=1'], env: { GRPC_PORT: 'many' } }).config.grpcPort).toBe(1)
  })
})

describe('values', () => {
  const accepted: [Input, object][] = [
    [{ argv: ['--once'] }, { once: true }],
    [{ argv: ['--no-once'], env: { ONCE: 'true' } }, { once: false }],
    [{ argv: ['--once=false'] }, { once: false }],
    [{ argv: ['--once', '--no-once'] }, { once: false }],
    [{ env: { ONCE: 'YES' } }, { once: true }],
    [{ env: { ONCE: '0' } }, { once: false }],
    [{ argv: ['-p', '8080'] }, { grpcPort: 8080 }],
    [{ argv: ['-p8080'] }, { grpcPort: 8080 }],
    [{ argv: ['-p=8080'] }, { grpcPort: 8080 }],
    [{ argv: ['--grpc-port', '1', '--grpc-port', '2'] }, { grpcPort: 2 }],
    [{ argv: ['-t', 'a', '--topics', 'b,c'] }, { topics: ['a', 'b', 'c'] }],
    [{ env: { TOPICS: 'a, b' } }, { topics: ['a', 'b'] }],
    [{ env: { TOPICS: '["a,b","c"]' } }, { topics: ['a,b', 'c'] }],
    [{ layers: { kv: { topics: 'a,b' } } }, { topics: ['a', 'b'] }],
    [{ env: { RATIO: '2.5e-1' } }, { ratio: 0.25 }],
    [{ argv: ['--labels', '{"a":"b"}'] }, { labels: { a: 'b' } }],
  ]
  test.each(accepted)('%j gives %j', (input, expected) => {
    expect(load(input).config).toMatchObject(expected)
  })

  test('a file gives values of their own types', () => {
    const config = file({ grpcPort: 8080, once: true, topics: ['a,b'], labels: { a: 'b' } })
    expect(load({ argv: ['--config', config] }).config).toMatchObject({
      grpcPort: 8080,
      once: true,
      topics: ['a,b'],
      labels: { a: 'b' },
    })
  })

  test('the config is frozen in depth', () => {
    const { config } = load({ argv: ['--labels', '{"a":"b"}', '-t', 'a'] })
    for (const part of [config, config.labels, config.topics]) expect(Object.isFrozen(part)).toBe(true)
  })

  test('what follows -- is passed on untouched', () => {
    expect(load({ argv: ['--once', '--', '--unknown', '-x', 'y'] }).rest).toEqual(['--unknown', '-x', 'y'])
  })
})

describe('faults', () => {
  const rejected: [string, Input, object][] = [
    [
      'an unknown flag',
      { argv: ['--grpc-prot', '1'] },
      { source: 'flag --grpc-prot', problem: 'is not a flag of this command', fix: 'did you mean --grpc-port?' },
    ],
    ['a flag without value', { argv: ['--grpc-port'] }, { key: 'grpcPort', problem: 'has no value' }],
    ['a flag before another flag', { argv: ['--grpc-port', '--once'] }, { key: 'grpcPort', problem: 'has no value' }],
    ['a negation with a value', { argv: ['--no-once=true'] }, { key: 'once', problem: 'takes no value' }],
    [
      'a number out of range',
      { argv: ['--grpc-port', '70000'] },
      {
        key: 'grpcPort',
        source: 'flag --grpc-port',
        problem: '"70000" is not a whole number from 0 to 65535',
        fix: 'pass --grpc-port with a whole number from 0 to 65535',
      },
    ],
    ['a broken number', { env: { GRPC_PORT: '80x' } }, { source: 'env GRPC_PORT', problem: '"80x" is not a number' }],
    ['a hexadecimal number', { env: { GRPC_PORT: '0x50' } }, { problem: '"0x50" is not a number' }],
    ['a broken toggle', { env: { ONCE: 'maybe' } }, { key: 'once', problem: '"maybe" is neither true nor false' }],
    ['a word that is not among the choices', { env: { MODE: 'slow' } }, { fix: 'set MODE to one of fast, safe' }],
    ['broken JSON', { env: { LABELS: '{' } }, { key: 'labels', source: 'env LABELS' }],
    ['a bad item', { env: { TOPICS: '["a",""]' } }, { key: 'topics' }],
    ['an argument too many', { argv: ['extra'] }, { source: 'argument 1', problem: '"extra" is one too many' }],
    [
      'a KV value',
      { layers: { kv: { grpcPort: '-1' } } },
      { source: 'KV grpcPort', fix: expect.stringContaining('KV') as string },
    ],
    [
      'an unknown KV key',
      { layers: { kv: { grpcPrt: '1' } } },
      { source: 'KV grpcPrt', fix: 'did you mean grpcPort?' },
    ],
  ]
  test.each(rejected)('%s', (_name, input, expected) => {
    expect(refused(input).faults).toEqual([expect.objectContaining(expected)])
  })

  test('are reported all together, each with its source and fix', () => {
    const config = file({ mod: 'fast', ratio: 'high' })
    const error = refused({
      argv: ['--grpc-port', 'x', '--config', config],
      env: { ONCE: 'maybe' },
      layers: { kv: { topic: 'a' } },
    })
    expect(error.faults.map(({ key, source }) => [key, source])).toEqual([
      ['topic', 'KV topic'],
      ['mod', `file ${config}`],
      ['grpcPort', 'flag --grpc-port'],
      ['once', 'env ONCE'],
      ['ratio', `file ${config}`],
    ])
    for (const { source, problem, fix } of error.faults) {
      expect(error.message).toContain(source)
      expect(error.message).toContain(problem)
      expect(error.message).toContain(fix)
    }
    expect(error.message).toMatch(/^demo: 5 faults/)
  })

  test.each<[string, Input, number]>([
    ['a flag', { argv: ['--nope'], env: { GRPC_PORT: 'x' } }, 64],
    ['an argument', { argv: ['extra'] }, 64],
    ['a file that does not exist', { argv: ['--config', '/nowhere/at/all.json'] }, 64],
    ['env', { env: { GRPC_PORT: 'x' } }, 78],
    ['KV', { layers: { kv: { nope: 'x' } } }, 78],
  ])('of %s have their exit code', (_name, input, exitCode) => {
    expect(refused(input).exitCode).toBe(exitCode)
  })

  test('of a file have exit code 78', () => {
    expect(refused({ argv: ['--config', file({ grpcPort: '1' })] }).exitCode).toBe(78)
  })

  test('a required setting that no layer sets', () => {
    const needs = z.object({ sinkUrl: text() })
    expect(() => loadConfig({ name: 'demo', settings: needs, argv: [], env: {} })).toThrow(
      'sinkUrl (unset): is required and no layer sets it. Fix: pass --sink-url or set SINK_URL (text).',
    )
  })

  const range = z
    .object({ least: integer().default(0), most: integer().default(10) })
    .refine(({ least, most }) => least <= most, { error: 'least is more than most', path: ['least'] })
  test('a rule over several settings names the layer of the one it blames', () => {
    const act = () => loadConfig({ name: 'demo', settings: range, argv: [], env: { LEAST: '20' } })
    expect(act).toThrow('least (env LEAST): "20" is not accepted: least is more than most')
  })
})

describe('a file', () => {
  const rejected: [string, string, RegExp][] = [
    ['with broken JSON', '{"grpcPort": 1,}', /is not valid JSON/],
    ['that is a list', '[1]', /does not hold a JSON object/],
    ['with a key of every object', '{"__proto__": {"polluted": true}}', /__proto__/],
    ['with such a key deeper down', '{"labels": {"__proto__": {"polluted": "yes"}}}', /__proto__/],
    ['with the key constructor', '{"constructor": 1}', /constructor .*is not a setting/],
  ]
  test.each(rejected)('%s is refused', (_name, content, message) => {
    const path = file(content)
    const error = refused({ argv: ['--config', path] })
    expect(error.message).toMatch(message)
    expect(error.faults[0]?.source).toBe(`file ${path}`)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test.each<[string, () => string, string]>([
    ['that is a folder', () => folder, 'is a folder'],
    ['that is longer than 1 MiB', () => file(' '.repeat(1024 * 1024 + 1)), 'is longer than'],
    ['that does not exist', () => join(folder, 'none'), 'does not exist'],
  ])('%s is refused', (_name, path, problem) => {
    expect(refused({ argv: ['--config', path()] }).faults).toMatchObject([
      { source: 'flag --config', problem: expect.stringContaining(problem) as string },
    ])
  })

  test('never has its text quoted, which may hold secrets', () => {
    expect(refused({ argv: ['--config', file('{"password": hunter2}')] }).message).not.toContain('hunter2')
  })
})

test('prototype names in KV are faults and change nothing', () => {
  const kv = JSON.parse('{"__proto__": "x", "constructor": "y", "toString": "z"}') as Record<string, string>
  expect(refused({ layers: { kv } }).faults.map(({ key }) => key)).toEqual(['__proto__', 'constructor', 'toString'])
})

test.each(['--__proto__', '--constructor', '--no-', '--=x', '-', '---'])('the odd word %s is no crash', (word) => {
  expect(refused({ argv: [word] }).exitCode).toBe(64)
})

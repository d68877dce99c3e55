import { describe, expect, test } from 'vitest'
import { EnvError } from './exit-codes.ts'
import { parseArguments } from './flags.ts'

const options = (...argv: string[]) => {
  const asked = parseArguments(argv)
  if (asked.kind !== 'run') throw new Error(`it asks for ${asked.kind}`)
  return asked.options
}

test('the defaults are those of envconsul, but for a short quiet time', () => {
  expect(options('-prefix', 'a', 'env')).toEqual({
    prefixes: ['a'],
    upcase: false,
    sanitize: false,
    pristine: false,
    noPrefix: true,
    once: false,
    killSignal: 'SIGTERM',
    killTimeoutMs: 30_000,
    splayMs: 0,
    quietMs: 100,
    maxQuietMs: 400,
    consulAddr: undefined,
    command: ['env'],
  })
})

describe('a flag', () => {
  test.each([
    [['-upcase'], { upcase: true }],
    [['--upcase'], { upcase: true }],
    [['-upcase=false'], { upcase: false }],
    [['--sanitize=true'], { sanitize: true }],
    [['-pristine', '-once'], { pristine: true, once: true }],
    [['-no-prefix=false'], { noPrefix: false }],
    [['-kill-signal', 'SIGINT'], { killSignal: 'SIGINT' }],
    [['-exec-kill-signal=hup'], { killSignal: 'SIGHUP' }],
    [['-splay', '10s'], { splayMs: 10_000 }],
    [['-exec-splay=500ms'], { splayMs: 500 }],
    [['-exec-kill-timeout', '1m30s'], { killTimeoutMs: 90_000 }],
    [['-timeout=0'], { killTimeoutMs: 0 }],
    [['-wait', '10s'], { quietMs: 10_000, maxQuietMs: 40_000 }],
    [['-wait=1s:2s'], { quietMs: 1_000, maxQuietMs: 2_000 }],
    [['-consul-addr', '127.0.0.1:1'], { consulAddr: '127.0.0.1:1' }],
    [['--consul=127.0.0.1:1'], { consulAddr: '127.0.0.1:1' }],
    [['-prefix', '/b/c/', '--prefix=d'], { prefixes: ['a', 'b/c', 'd'] }],
  ] as const)('%j is understood', (argv, expected) => {
    expect(options('-prefix', 'a', ...argv, '--', 'env')).toMatchObject(expected)
  })

  test.each([
    [['-upcsae'], '-upcsae is not a flag'],
    [['-constructor'], '-constructor is not a flag'],
    [['-prefix'], 'needs a value'],
    [['-prefix='], 'needs a value'],
    [['-prefix', '/'], 'the prefix is empty'],
    [['-prefix', 'a@dc2'], 'datacenter'],
    [['-upcase=maybe'], 'neither true nor false'],
    [['-kill-signal', 'SIGNOTHING'], 'is no signal'],
    [['-splay', '5'], 'is no duration'],
    [['-splay', '5sx'], 'is no duration'],
    [['-splay', '600h0m'], 'is no duration'],
    [['-wait', '2s:1s'], 'less than the minimum'],
    [['-config', 'a.hcl'], '-config is not a flag'],
  ] as const)('%j is refused with 13', (argv, message) => {
    const parse = () => options('-prefix', 'a', ...argv)
    expect(parse).toThrow(message)
    expect(parse).toThrow(EnvError)
    expect(parse).toThrow(expect.objectContaining({ exitCode: 13 }) as Error)
  })
})

test('what follows the command is its own', () => {
  expect(options('-prefix', 'a', 'env', '-once', '--', 'b').command).toEqual(['env', '-once', '--', 'b'])
  expect(options('-prefix', 'a', '--', '-odd').command).toEqual(['-odd'])
})

test.each([
  [[], 'no prefix'],
  [['env'], 'no prefix'],
  [['-prefix', 'a'], 'no command'],
] as const)('%j lacks something', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message)
})

test.each(['-h', '--help', '-help'])('%s asks for help', (flag) => {
  expect(parseArguments([flag])).toEqual({ kind: 'help' })
})

test.each(['-v', '--version', '-version'])('%s asks for the version', (flag) => {
  expect(parseArguments([flag, '-prefix', 'a', 'env'])).toEqual({ kind: 'version' })
})

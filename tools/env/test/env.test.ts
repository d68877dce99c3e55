import { join } from 'node:path'
import { startConsul } from '@armature/servers/consul'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { groupMembers } from '@armature/servers/process-group'
import { startOnTerminal, startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { put as putAt } from './consul.ts'

const main = join(import.meta.dirname, '../src/main.ts')
let consul: Awaited<ReturnType<typeof startConsul>>
beforeAll(async () => {
  consul = await startConsul()
}, serverDeadlineMs)
afterAll(() => consul?.stop())

let count = 0
const newPrefix = () => `env-test-${(count += 1)}`

const put = (key: string, value: string) => putAt(consul.url, key, value)

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env['PATH'],
  CONSUL_HTTP_ADDR: consul.url,
  ...more,
})
const start = (argv: readonly string[], env = environment()) => {
  const program = startProgram(process.execPath, [main, ...argv], { env })
  onTestFinished(() => program.kill())
  return program
}
/** Ends by itself. */
const ran = async (argv: readonly string[], env = environment()) => {
  const program = start(argv, env)
  return { ...(await program.ended()), output: program.output() }
}
/** A child that says its environment and its signals, and stays. */
const staying = (...variables: string[]) => [
  'sh',
  '-c',
  `trap 'echo term; exit 7' TERM; trap 'echo hup' HUP; trap 'echo usr1' USR1; trap 'echo int; exit 8' INT
  echo "up ${variables.map((name) => `$${name}`).join(' ')}."; while :; do sleep 0.05; done`,
]

describe('once', () => {
  test('runs the command with variables over those that are there, and exits with its code', async () => {
    const prefix = newPrefix()
    await put(`${prefix}/GREETING`, 'hello')
    await put(`${prefix}/HOME`, '/from-kv')
    const { code, output } = await ran(
      ['-prefix', prefix, '-once', 'sh', '-c', 'echo $GREETING $HOME $KEPT; exit 3'],
      environment({ HOME: '/home', KEPT: 'kept' }),
    )
    expect([output, code]).toEqual(['hello /from-kv kept\n', 3])
  })

  test('--pristine leaves out what is there', async () => {
    const prefix = newPrefix()
    await put(`${prefix}/ONLY`, '1')
    const { output } = await ran(['--prefix', prefix, '--once', '--pristine', '/usr/bin/env'])
    expect(output).toBe('ONLY=1\n')
  })

  test('takes the later prefix, and cleans names', async () => {
    const [first, second] = [newPrefix(), newPrefix()]
    await put(`${first}/max-conns`, '1')
    await put(`${second}/max-conns`, '2')
    await put(`${second}/deep/er`, '3')
    const flags = ['-prefix', first, '-prefix', second, '-upcase', '-sanitize', '-once', '-pristine']
    const { output } = await ran([...flags, '/usr/bin/env'])
    expect(output.split('\n').toSorted()).toEqual(['', 'DEEP_ER=3', 'MAX_CONNS=2'])
  })

  test('a change changes nothing, while one that watches sees two', async () => {
    const prefix = newPrefix()
    const once = start(['-prefix', prefix, '-once', ...staying('LEVEL')])
    const witness = start(['-prefix', prefix, ...staying('LEVEL')])
    await Promise.all([once, witness].map((program) => program.until(/^up \.$/m)))
    for (const level of ['one', 'two']) {
      await put(`${prefix}/LEVEL`, level)
      await witness.until(new RegExp(`^up ${level}\\.$`, 'm'))
    }
    once.signal('SIGTERM')
    expect(await once.ended()).toEqual({ code: 7, signal: null })
    expect(once.output().match(/^up/gm)).toHaveLength(1)
  })

  test('without keys runs the command all the same, and says so', async () => {
    const { output, code } = await ran(['-prefix', newPrefix(), '-once', 'echo', 'ran'])
    expect(code).toBe(0)
    expect(output).toMatch(/there are no keys below env-test-\d+/)
    expect(output).toMatch(/^ran$/m)
  })

  test('exits with 128 and the number of the signal that ended the command', async () => {
    const { code } = await ran(['-prefix', newPrefix(), '-once', 'sh', '-c', 'kill -KILL $$'])
    expect(code).toBe(137)
  })
})

describe('the exit code', () => {
  test.each([
    ['a wrong flag', ['-nonsense'], {}, 13, /-nonsense is not a flag/],
    ['no command', ['-prefix', 'a'], {}, 13, /no command/],
    ['a command that is not there', ['-prefix', 'a', '-once', '/no/such/program'], {}, 14, /cannot be started/],
    [
      'Consul that is not there, once',
      ['-prefix', 'a', '-once', '-consul-addr', '127.0.0.1:1', 'env'],
      {},
      14,
      /is not there/,
    ],
    ['a wrong address', ['-prefix', 'a', 'env'], { CONSUL_HTTP_ADDR: 'ftp://a' }, 15, /CONSUL_HTTP_ADDR/],
  ] as const)('of %s', async (_name, argv, more, code, message) => {
    const result = await ran(argv, environment(more))
    expect(result.code).toBe(code)
    expect(result.output).toMatch(message)
    expect(result.output).not.toMatch(/\n {4}at /)
  })

  test('of a token file that is not there is 15, and no token is told', async () => {
    const env = environment({ CONSUL_HTTP_TOKEN: 'canary-token', CONSUL_HTTP_TOKEN_FILE: '/no/such/file' })
    const { code, output } = await ran(['-prefix', 'a', '-once', 'env'], env)
    expect(code).toBe(15)
    expect(output).toContain('CONSUL_HTTP_TOKEN_FILE')
    expect(output).not.toContain('canary-token')
  })
})

describe('a change', () => {
  test('ends the command by the kill signal and runs it with the new variables, and no change does not', async () => {
    const prefix = newPrefix()
    await put(`${prefix}/LEVEL`, 'one')
    const program = start(['-prefix', prefix, '-wait', '50ms', '--', ...staying('LEVEL')])
    await program.until(/^up one\.$/m)
    await put(`${prefix}/LEVEL`, 'one')
    await put(`${prefix}/LEVEL`, 'two')
    await program.until(/^term\nup two\.$/m)
    await put(`${prefix}/LEVEL`, 'three')
    await program.until(/^term\nup three\.$/m)
    expect(program.output().match(/^up/gm)).toHaveLength(3)
  })

  test('uses the signal of -kill-signal, and SIGKILL after the time of -exec-kill-timeout', async () => {
    const prefix = newPrefix()
    const program = start([
      '-prefix',
      prefix,
      '-kill-signal',
      'SIGHUP',
      '-exec-kill-timeout',
      '200ms',
      ...staying('LEVEL'),
    ])
    await program.until(/^up \.$/m)
    await put(`${prefix}/LEVEL`, 'one')
    await program.until(/^hup\nup one\.$/m)
  })
})

describe('a signal', () => {
  test.each([
    ['SIGHUP', /^hup$/m],
    ['SIGUSR1', /^usr1$/m],
  ] as const)('%s reaches the command, which goes on', async (signal, said) => {
    const program = start(['-prefix', newPrefix(), ...staying()])
    await program.until(/^up/m)
    program.signal(signal)
    await program.until(said)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 7, signal: null })
  })

  test('SIGINT ends the command, then exits with 12 and leaves nobody', async () => {
    const program = start(['-prefix', newPrefix(), ...staying()])
    await program.until(/^up/m)
    program.signal('SIGINT')
    expect(await program.ended()).toEqual({ code: 12, signal: null })
    expect(program.output()).toContain('term')
    expect(groupMembers(program.pid)).toEqual([])
  })

  test('SIGINT again ends a command that does not obey', async () => {
    const program = start([
      '-prefix',
      newPrefix(),
      'sh',
      '-c',
      'trap "echo no" TERM; echo up; while :; do sleep 0.05; done',
    ])
    await program.until(/^up$/m)
    program.signal('SIGINT')
    await program.until(/^no$/m)
    program.signal('SIGINT')
    expect(await program.ended(5_000)).toEqual({ code: 12, signal: null })
  })

  test('Ctrl-C on a terminal ends both', async () => {
    const argv = ['exec', process.execPath, main, '-prefix', newPrefix(), 'sh', '-c', '"echo up; exec sleep 60"']
    const terminal = startOnTerminal(argv.join(' '), { env: environment() })
    onTestFinished(() => terminal.kill())
    await terminal.until(/up/)
    terminal.write('\x03')
    expect((await terminal.ended(10_000)).code).toBe(12)
  })

  test('ends it with 12 while it waits for Consul', async () => {
    const program = start(['-prefix', 'a', '-consul-addr', '127.0.0.1:1', 'env'])
    await program.until(/is not there.*The command waits/)
    program.signal('SIGTERM')
    expect(await program.ended(5_000)).toEqual({ code: 12, signal: null })
  })
})

test('the command goes on while Consul is away, and follows it afterwards', async () => {
  const prefix = newPrefix()
  await put(`${prefix}/LEVEL`, 'one')
  const program = start(['-prefix', prefix, ...staying('LEVEL')])
  await program.until(/^up one\.$/m)
  await consul.crash()
  await program.until(/Consul at .*The command goes on/)
  await consul.restart()
  await program.until(/Consul is back/)
  await vi.waitFor(() => put(`${prefix}/LEVEL`, 'two'), { timeout: 10_000 })
  await program.until(/^up two\.$/m, 15_000)
  expect(program.output().match(/^up/gm)).toHaveLength(2)
}, 60_000)

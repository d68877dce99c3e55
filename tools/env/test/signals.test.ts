import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aptProgram } from '@armature/servers/apt'
import { startConsul } from '@armature/servers/consul'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { put as putAt } from './consul.ts'

const main = join(import.meta.dirname, '../src/main.ts')
let consul: Awaited<ReturnType<typeof startConsul>>
beforeAll(async () => {
  consul = await startConsul()
}, serverDeadlineMs)
afterAll(() => consul?.stop())

let count = 0
const newPrefix = () => `env-signals-${(count += 1)}`
const put = (key: string, value: string) => putAt(consul.url, key, value)

const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'env-signals-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const startBy = (command: string, words: readonly string[]) => {
  const env = { PATH: process.env['PATH'], CONSUL_HTTP_ADDR: consul.url }
  const program = startProgram(command, words, { env })
  onTestFinished(() => program.kill())
  return program
}
const start = (argv: readonly string[]) => startBy(process.execPath, [main, ...argv])

/** A command that takes its time to end: until the file is there. */
const slowToEnd = (gate: string) => [
  'sh',
  '-c',
  `trap 'echo asked; while [ ! -e ${gate} ]; do sleep 0.05; done; exit 7' TERM; trap 'echo usr1' USR1
  echo "up $LEVEL."; while :; do sleep 0.05; done`,
]

const beingReplaced = async () => {
  const prefix = newPrefix()
  const gate = join(newFolder(), 'gate')
  const program = start(['-prefix', prefix, '-wait', '50ms', '--', ...slowToEnd(gate)])
  await program.until(/^up \.$/m)
  await put(`${prefix}/LEVEL`, 'one')
  await program.until(/^asked$/m)
  return { program, letEnd: () => writeFileSync(gate, '') }
}

describe('while the command is being replaced', () => {
  test.each(['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const)(
    'bug: %s ended it; now that is said, and the new command runs',
    async (signal) => {
      const { program, letEnd } = await beingReplaced()
      program.signal(signal)
      await program.until(new RegExp(`${signal}: nobody gets it, since the command is being replaced`))
      letEnd()
      await program.until(/^up one\.$/m)
    },
  )

  test.each(['SIGTERM', 'SIGQUIT', 'SIGINT'] as const)('%s ends it, and no other command runs', async (signal) => {
    const { program, letEnd } = await beingReplaced()
    program.signal(signal)
    await program.until(new RegExp(`${signal}: the command does not run again`))
    letEnd()
    expect(await program.ended()).toEqual({ code: 12, signal: null })
    expect(program.output()).not.toContain('up one.')
  })
})

test('bug: a change just after SIGTERM started the command again that this had ended', async () => {
  const prefix = newPrefix()
  const gate = join(newFolder(), 'gate')
  const program = start(['-prefix', prefix, '-wait', '50ms', '--', ...slowToEnd(gate)])
  const witness = start(['-prefix', prefix, '-wait', '50ms', 'sh', '-c', 'echo "up $LEVEL."; exec sleep 60'])
  await Promise.all([program, witness].map((each) => each.until(/^up \.$/m)))
  program.signal('SIGTERM')
  await program.until(/^asked$/m)
  await put(`${prefix}/LEVEL`, 'one')
  await witness.until(/^up one\.$/m)
  writeFileSync(gate, '')
  expect(await program.ended()).toEqual({ code: 7, signal: null })
  expect(program.output()).not.toContain('up one.')
})

test('SIGUSR1 before the command runs does not end it, SIGHUP does', async () => {
  const program = start(['-prefix', 'a', '-consul-addr', '127.0.0.1:1', 'env'])
  await program.until(/The command waits/)
  program.signal('SIGUSR1')
  await program.until(/SIGUSR1: nobody gets it, since the command does not run yet/)
  program.signal('SIGHUP')
  expect(await program.ended()).toEqual({ code: 12, signal: null })
})

test('a command that leaves something running: its code is passed on at once', async () => {
  const program = start(['-prefix', newPrefix(), '-once', 'sh', '-c', 'sleep 60 >/dev/null 2>&1 & exit 3'])
  expect(await program.ended(20_000)).toEqual({ code: 3, signal: null })
})

describe("the program is found by armature-env's own PATH", () => {
  test.each([[], ['-pristine']])('bug: whatever PATH KV holds for it: %j', async (...flags) => {
    const prefix = newPrefix()
    const folder = newFolder()
    writeFileSync(join(folder, 'sh'), '#!/bin/sh\necho the wrong one\n', { mode: 0o755 })
    await put(`${prefix}/PATH`, folder)
    const program = start(['-prefix', prefix, '-once', ...flags, 'sh', '-c', 'echo "$0 has $PATH"', 'it'])
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(program.output()).toBe(`it has ${folder}\n`)
  })

  test('what KV holds is for the command alone: armature-env takes nothing of it', async () => {
    const prefix = newPrefix()
    await put(`${prefix}/NODE_OPTIONS`, '--no-such-option')
    await put(`${prefix}/CONSUL_HTTP_ADDR`, '127.0.0.1:1')
    await put(`${prefix}/LEVEL`, 'one')
    const program = start([
      '-prefix',
      prefix,
      '-wait',
      '50ms',
      'sh',
      '-c',
      'echo "up $LEVEL $NODE_OPTIONS."; exec sleep 60',
    ])
    await program.until(/^up one --no-such-option\.$/m)
    await put(`${prefix}/LEVEL`, 'two')
    await program.until(/^up two --no-such-option\.$/m)
  })

  test('one that it does not have is told with its name', async () => {
    const program = start(['-prefix', newPrefix(), '-once', 'no-such-program'])
    expect(await program.ended()).toEqual({ code: 14, signal: null })
    expect(program.output()).toMatch(/no-such-program cannot be started: PATH \(.*\) has no program of that name/)
  })
})

describe.runIf(process.platform === 'linux')('bug: a command that may not be signalled', () => {
  /** The system refuses every signal that armature-env sends, as it does where the command runs under sudo. */
  const startRefused = async (argv: readonly string[]) => {
    const strace = await aptProgram(['strace'], 'strace', 'put strace on PATH')
    const flags = ['-D', '-qq', '-o', '/dev/null', '-e', 'trace=kill', '-e', 'inject=kill:error=EPERM']
    return startBy(strace, [...flags, process.execPath, main, ...argv])
  }
  const quiet = (script: string) => ['sh', '-c', `echo "up $LEVEL."; exec 2>/dev/null >&2; ${script}`]

  test('is left to itself by SIGINT after its time, and at once by a second one', async () => {
    const program = await startRefused(['-prefix', newPrefix(), ...quiet('exec sleep 600')])
    await program.until(/^up/m)
    program.signal('SIGINT')
    await program.until(/cannot be signalled/)
    program.signal('SIGINT')
    expect(await program.ended(20_000)).toEqual({ code: 12, signal: null })
  })

  test('goes on with what it has, where a change comes, and its code is passed on', async () => {
    const prefix = newPrefix()
    const gate = join(newFolder(), 'gate')
    const script = `while [ ! -e ${gate} ]; do sleep 0.05; done; exit 5`
    const program = await startRefused(['-prefix', prefix, '-exec-kill-timeout', '100ms', ...quiet(script)])
    await program.until(/^up \.$/m)
    await put(`${prefix}/LEVEL`, 'one')
    await program.until(/cannot be signalled[^]*cannot be signalled/)
    writeFileSync(gate, '')
    expect(await program.ended()).toEqual({ code: 5, signal: null })
  })
})

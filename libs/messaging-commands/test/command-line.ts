import { PassThrough } from 'node:stream'
import { expect } from 'vitest'
import { readSettings } from '@armature/service/command-line'
import { exitCodeOf, describeError } from '@armature/service/faults'
import type { Driver } from '@armature/messaging/ports'
import type { Program } from '../src/broker-command.ts'
import { messagingCommands } from '../src/commands.ts'

export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly signal?: AbortSignal
  /** A person is at stdin. */
  readonly terminal?: boolean
  readonly onStdout?: (text: string) => void
}

/** A program on a broker that is there already and stays open. */
export const programOver = (driver: Driver): Program => ({
  name: 'armature',
  source: '/armature/test',
  open: () => Promise.resolve({ ...driver, close: () => Promise.resolve() }),
})

/** Runs a command as the program does, on a broker that is there already. */
export const runCommand = async (
  driver: Driver,
  line: readonly string[],
  { input, signal = new AbortController().signal, terminal = false, onStdout }: RunOptions = {},
): Promise<Run> => {
  const all = messagingCommands(programOver(driver))
  const name = Object.hasOwn(all, line.slice(0, 2).join(' ')) ? line.slice(0, 2).join(' ') : (line[0] ?? '')
  const command = all[name]
  expect(command, `no command ${name}`).toBeDefined()
  if (command === undefined) throw new Error(name)
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  if (terminal) Object.assign(stdin, { isTTY: true })
  if (input === undefined) stdin.end()
  else stdin.end(input)
  const texts = { stdout: '', stderr: '' }
  stdout.on('data', (chunk: Buffer) => {
    texts.stdout += chunk.toString()
    onStdout?.(texts.stdout)
  })
  stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()))
  let code: number
  try {
    const argv = line.slice(name.split(' ').length)
    const env = { MESSAGING_URL: 'kafka://127.0.0.1:9092' }
    const { config, positionals, rest } = readSettings(name, command.settings, argv, env, command)
    code = await command.run(config, { stdin, stdout, stderr, signal, positionals, rest })
  } catch (error) {
    code = exitCodeOf(error)
    texts.stderr += describeError(error)
  }
  await new Promise<void>((resolve) => setImmediate(resolve))
  return { code, ...texts }
}

import { PassThrough } from 'node:stream'
import { ConfigError } from '@armature/config/faults'
import { readSettings } from '@armature/service/command-line'
import type { Command } from '@armature/service/command'
import { describeError, exitCodeOf } from '@armature/service/faults'

export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command in this process, as the program does. */
export const runCommand = async (
  command: Command | undefined,
  argv: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Run> => {
  if (command === undefined) throw new Error('there is no such command')
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const texts = { stdout: '', stderr: '' }
  stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()))
  stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()))
  let code: number
  try {
    const { config, positionals, rest } = readSettings('armature', command.settings, argv, {}, command)
    code = await command.run(config, { stdin, stdout, stderr, signal, positionals, rest })
  } catch (error) {
    code = exitCodeOf(error)
    texts.stderr += error instanceof ConfigError ? error.message : describeError(error)
  }
  await new Promise<void>((resolve) => setImmediate(resolve))
  return { code, ...texts }
}

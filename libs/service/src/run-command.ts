import type { Command, CommandIo } from './command.ts'
import { readSettings } from './command-line.ts'
import { afterOnTimer, deadlineIn } from './deadline.ts'
import { exitCodes } from './exit-codes.ts'
import { exitCodeOf } from './faults.ts'
import { type ProcessInput, report } from './run-process.ts'

const defaultDrainMs = 10_000

/**
 * Runs a command in this process. Resolves with its exit code; with 75 for one that has not ended `drainDeadlineMs` (of its settings, else
 * 10 s) after it was told to stop. An error is printed, and its code is the answer. Never rejects.
 */
export const runCommand = async (
  name: string,
  command: Command,
  { argv, env, envPrefix }: ProcessInput,
  stopping: AbortController,
): Promise<number> => {
  try {
    const { config, positionals, rest } = readSettings(name, command.settings, argv, env, { ...command, envPrefix })
    process.stdout.on('error', () => stopping.abort('stdout closed'))
    const { stdin, stdout, stderr } = process
    const io: CommandIo = { stdin, stdout, stderr, positionals, rest, signal: stopping.signal }
    const limitMs = Number(config['drainDeadlineMs'] ?? defaultDrainMs)
    const stopped = Promise.withResolvers<undefined>()
    stopping.signal.addEventListener('abort', () => stopped.resolve(undefined), { once: true })
    const running = async (): Promise<number> => command.run(config, io)
    const ended = running()
    ended.catch(() => undefined)
    const code = await Promise.race([ended, stopped.promise])
    if (code !== undefined) return code
    const deadline = deadlineIn(limitMs, afterOnTimer)
    const late = await deadline.within(ended)
    deadline.cancel()
    if (late !== undefined) return late
    report(name, `did not end within ${limitMs} ms of being told to stop`)
    return exitCodes.temporary
  } catch (error) {
    report(name, error)
    return exitCodeOf(error)
  }
}

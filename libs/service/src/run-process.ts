import { ConfigError } from '@armature/config/faults'
import { type Env, processInput } from '@armature/config/process'
import { exitCodes, signalExitCode } from './exit-codes.ts'
import { describeError, exitCodeOf } from './faults.ts'
import { guardAgainstLeaks } from './leak-guard.ts'
import { onStopSignals } from './signals.ts'

/** The command line and the environment. */
export interface ProcessInput {
  readonly argv: readonly string[]
  readonly env: Env
  /** See LoadOptions of libs/config. */
  readonly envPrefix?: string | undefined
}

/** What SIGHUP asks for in place of a stop, once something is there that can be asked. */
export interface Hangup {
  reload: (() => void) | undefined
}

/**
 * Runs a program's work with the signals that stop it, and sets the exit code: the one that `work` resolves with, or the one of its error,
 * which is printed in one line. Leaves nothing that keeps the process alive. Never rejects.
 */
export const runProcess = async (
  name: string,
  work: (input: ProcessInput, stopping: AbortController, hangup: Hangup) => Promise<number>,
): Promise<void> => {
  const stopping = new AbortController()
  const hangup: Hangup = { reload: undefined }
  onStopSignals(process, {
    hangup: () => {
      hangup.reload?.()
      return hangup.reload !== undefined
    },
    first: (signal) => stopping.abort(signal),
    again: (signal) => process.exit(signalExitCode(signal)),
  })
  process.stderr.on('error', () => undefined)
  try {
    process.exitCode = await work(processInput(), stopping, hangup)
  } catch (error) {
    report(name, error)
    process.exitCode = exitCodeOf(error)
  }
  guardAgainstLeaks(name, process.stderr)
}

/** Prints an error on stderr: in one line, but a ConfigError with one line for each fault. */
export const report = (name: string, error: unknown): void => {
  process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : `${name}: ${describeError(error)}\n`)
}

/** Prints a text on stdout. Answers the exit code of success. */
export const print = (text: string): number => {
  process.stdout.write(text)
  return exitCodes.ok
}

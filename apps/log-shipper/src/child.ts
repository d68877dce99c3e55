import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Clock } from '@armature/messaging/clock'
import { ServiceError } from '@armature/service/faults'
import type { Input } from './input.ts'

export interface ChildOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly clock: Clock
  /** How long it may go on after it was signalled; then it is killed. */
  readonly graceMs: number
}

/** What shells exit with when a command cannot be run. */
const cannotRun: Readonly<Record<string, number>> = { ENOENT: 127, EACCES: 126 }
/** How long a killed child may take until its output has ended. */
const killedWithinMs = 500
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs a command whose standard output is the input. Its standard input and error are those of this process. SIGINT, SIGTERM and
 * SIGHUP are passed on, but for a SIGINT that the terminal sent to both. Rejects with ServiceError, exit code 127 or 126, when it
 * cannot be run.
 */
export const startChild = async ({ command, args, clock, graceMs }: ChildOptions): Promise<Input> => {
  const child = spawn(command, args, { stdio: ['inherit', 'pipe', 'inherit'] })
  try {
    await once(child, 'spawn')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new ServiceError(`cannot run ${command}: ${reasons[code] ?? code}`, {
      exitCode: cannotRun[code] ?? 126,
      fix: 'Give a command that can be found and run after --',
      cause: error,
    })
  }
  let asked: NodeJS.Signals | undefined
  let hasEnded = false
  const ended = Promise.withResolvers<number>()
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  const passOn = (signal: NodeJS.Signals) => {
    // npm and Nx deliver a Ctrl-C twice.
    if (signal === asked) return
    asked = signal
    if (signal !== 'SIGINT' || !atTerminal) child.kill(signal)
  }
  const kill = () => void child.kill('SIGKILL')
  for (const signal of stopSignals) process.on(signal, passOn)
  process.on('exit', kill)
  child.once('exit', () => {
    for (const signal of stopSignals) process.off(signal, passOn)
    process.off('exit', kill)
  })
  child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
    hasEnded = true
    ended.resolve(exitCodeOf(code, signal, asked))
  })

  return {
    stream: child.stdout,
    what: `the output of ${command}`,
    ended: ended.promise,
    graceMs: graceMs + killedWithinMs,
    stop: () => {
      if (hasEnded) return
      if (asked === undefined) passOn('SIGTERM')
      clock.after(graceMs, kill)
    },
    close: async () => {
      if (hasEnded) return
      kill()
      child.stdout.destroy()
      await ended.promise
    },
  }
}

const reasons: Readonly<Record<string, string>> = { ENOENT: 'there is no such command', EACCES: 'it may not be run' }

/** A child that ended as it was asked to did well; else its own code, or 128 + signal as shells count. */
const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null, asked: NodeJS.Signals | undefined): number => {
  const given = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  return asked !== undefined && given === 128 + constants.signals[asked] ? 0 : given
}

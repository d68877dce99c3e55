import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { Clock } from '@armature/async/clock'
import type { Env } from '@armature/config/process'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { streamChunks } from './chunks.ts'
import { type ChildExit, keepTail } from './exit-record.ts'
import type { Input } from './input.ts'

/** The output of a child as an input. */
export interface ChildInput extends Input {
  readonly stream: Readable
}

export interface ChildOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Default: that of this process. */
  readonly env?: Env
  readonly clock: Clock
  /** How long it may go on after it was signalled; then it is killed. */
  readonly graceMs: number
  /** Its standard error goes through this process, which keeps the end of it for the record of its exit. Default: no record. */
  readonly exitRecord?: boolean
  /** Called with a problem that is not the fault of the lines. */
  readonly warn: (problem: string) => void
}

/** The exit codes of shells for a command that cannot be run. */
const cannotRun: Readonly<Record<string, number>> = { ENOENT: 127, ENOTDIR: 127 }
/** How long a killed child may take until its output has ended. */
const killedWithinMs = 500
/** How long the output of a child that has exited may stay open: something that the child started may hold it. */
const outputWithinMs = 1_000
const lookEveryMs = 50
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs a command whose standard output is the input. Its standard input and error are those of this process; with `exitRecord` what it writes to its standard error is passed on to that. SIGINT, SIGTERM and
 * SIGHUP are passed on, but for a SIGINT that the terminal sent to both. The input ends with the child, also when something that it
 * started holds its output: all that the child wrote is read before. A child that may not be signalled, such as one under sudo, is left
 * to itself after its grace, with exit code 74. Rejects with ServiceError, exit code 127 or 126, when it cannot be run.
 */
export const startChild = async (options: ChildOptions): Promise<ChildInput> => {
  const { command, args, env, clock, graceMs, warn, exitRecord = false } = options
  const startedMs = clock.now()
  const child = await spawned(command, args, { env, pipesErrors: exitRecord })
  const stderr = child.stderr === null ? undefined : keepTail(child.stderr)
  child.stderr?.pipe(process.stderr, { end: false })
  let exit: Pick<ChildExit, 'code' | 'signal'> = { code: null, signal: null }
  let asked: NodeJS.Signals | undefined
  let hasExited = false
  /** Its output has ended, too. */
  let hasEnded = false
  let mayNotSignal = false
  const ended = Promise.withResolvers<number>()
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  const passOn = (signal: NodeJS.Signals) => {
    // npm and Nx deliver a Ctrl-C twice.
    if (signal === asked) return
    asked = signal
    if (signal !== 'SIGINT' || !atTerminal) child.kill(signal)
  }
  // A signal that is refused (EPERM) is told as an error of the child, which without a listener ends this process.
  child.on('error', (error) => {
    if (!mayNotSignal) warn(`${command} cannot be signalled (${error.message}): it has to end by itself`)
    mayNotSignal = true
  })
  const kill = () => {
    child.kill('SIGKILL')
    if (!mayNotSignal || hasExited) return
    child.stdout.destroy()
    child.stderr?.destroy()
    child.unref()
    ended.resolve(exitCodes.io)
  }
  for (const signal of stopSignals) process.on(signal, passOn)
  process.on('exit', kill)
  child.once('exit', () => {
    hasExited = true
    for (const signal of stopSignals) process.off(signal, passOn)
    process.off('exit', kill)
    clock.after(outputWithinMs, () => letGo(0))
  })
  /**
   * Closes the output of a child that has exited, once it was found empty twice: it was being read between, so all that the child itself
   * wrote has arrived. While the spool is full it is not empty, and stays open.
   */
  const letGo = (timesEmpty: number) => {
    if (hasEnded) return
    const isEmpty = child.stdout.readableLength === 0
    if (isEmpty && timesEmpty > 0) {
      warn(`${command} has exited, but something that it started holds its output: that is not read any longer`)
      child.stdout.destroy()
      child.stderr?.destroy()
    } else clock.after(lookEveryMs, () => letGo(isEmpty ? timesEmpty + 1 : 0))
  }
  child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
    hasEnded = true
    exit = { code, signal }
    ended.resolve(exitCodeOf(code, signal, asked))
  })

  return {
    stream: child.stdout,
    chunks: streamChunks(child.stdout),
    what: `the output of ${command}`,
    ended: ended.promise,
    exit:
      stderr &&
      (async () => {
        await ended.promise
        return { command, ...exit, runtimeMs: clock.now() - startedMs, stderr: stderr() }
      }),
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
      child.stderr?.destroy()
      await ended.promise
    },
  }
}

type SpawnedChild = ChildProcessByStdio<null, Readable, Readable | null>

/** Some errors of the system are thrown by `spawn` at once, others come as an event. */
const spawned = async (
  command: string,
  args: readonly string[],
  { env, pipesErrors }: { readonly env: Env | undefined; readonly pipesErrors: boolean },
) => {
  try {
    const stderr = pipesErrors ? 'pipe' : 'inherit'
    const own = env === undefined ? {} : { env: { ...env } }
    const child = spawn(command, args, { stdio: ['inherit', 'pipe', stderr], ...own }) as SpawnedChild
    await once(child, 'spawn')
    return child
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new ServiceError(`cannot run ${command}: ${reasons[code] ?? code}`, {
      exitCode: cannotRun[code] ?? 126,
      fix: 'Give a command that can be found and run after --',
      cause: error,
    })
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such command',
  ENOTDIR: 'there is no such command',
  EACCES: 'it may not be run',
  ELOOP: 'its symbolic links go in a circle',
  E2BIG: 'its arguments and environment are too long',
}

/** A child that ended as it was asked to did well; else its own code, or 128 + signal as shells count. */
const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null, asked: NodeJS.Signals | undefined): number => {
  const given = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  return asked !== undefined && given === 128 + constants.signals[asked] ? 0 : given
}

import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { jitterMs } from '@armature/async/jitter'
import { findProgram } from './find-program.ts'

export interface SupervisorOptions {
  readonly command: readonly string[]
  /** Asks the child to end. */
  readonly killSignal: NodeJS.Signals
  /** SIGKILL follows after this time. */
  readonly killTimeoutMs: number
  /** A child is replaced after a random time up to this. */
  readonly splayMs: number
  /** Called once: the child ended by itself, or after `stop`, with this code (128 and the number of the signal that ended it). */
  readonly onEnd: (code: number) => void
  /** Called once: the command cannot be started. */
  readonly onFault: (fault: Error) => void
  /** Called for each signal that the system does not let this process send to the child (EPERM), as to one under sudo. */
  readonly onRefused: (fault: Error) => void
  /** The folders of programs, as the variable PATH has them: never that of the child's environment. */
  readonly path: string | undefined
}

export type Variables = Readonly<Record<string, string | undefined>>

export interface Supervisor {
  /** Starts the child, or ends it and starts another with this environment. The last call wins. */
  run(environment: Variables): void
  /** Passes a signal on. It goes to nobody where there is no child yet, or where the child is being replaced. */
  signal(name: NodeJS.Signals): 'passed on' | 'no child' | 'being replaced'
  /**
   * Ends the child for good; asked again, at once, with SIGKILL. Without a child `onEnd` is told 0, also where the child may not be
   * signalled: that is left to itself.
   */
  stop(): void
}

/** A child that ends soon after one of these does so because of it, and is not replaced. */
const endSignals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGQUIT']

/** Keeps one child of a command running, with the environment that was asked for last. */
export const supervise = (options: SupervisorOptions): Supervisor => {
  const { command, killSignal, killTimeoutMs, splayMs, path, onEnd, onFault, onRefused } = options
  let child: ChildProcess | undefined
  /** The environment of the child that is to replace this one. */
  let next: Variables | undefined
  let stopping = false
  let timer: NodeJS.Timeout | undefined
  let asked = false
  /** The child was sent a signal that ends it, by whoever sent that to this process. */
  let leaving = false
  let mayNotSignal = false
  /** The child is gone and none follows it. */
  let over = false
  const end = (code: number): void => {
    over = true
    onEnd(code)
  }

  const start = (environment: Variables): void => {
    const [program = '', ...args] = command
    asked = leaving = mayNotSignal = false
    const found = findProgram(program, path)
    if (found === undefined) return onFault(new Error(`PATH (${path ?? 'not set'}) has no program of that name`))
    const started = spawned(found, args, program, environment)
    if (started instanceof Error) return onFault(started)
    child = started
    started.on('error', (fault) => {
      if (started.pid === undefined) return onFault(fault)
      mayNotSignal = true
      onRefused(fault)
    })
    started.once('exit', (code, signal) => {
      clearTimeout(timer)
      child = undefined
      const replacement = asked && !stopping && !leaving ? next : undefined
      next = undefined
      if (replacement === undefined) end(code ?? 128 + constants.signals[signal ?? 'SIGKILL'])
      else start(replacement)
    })
  }
  const forceToEnd = (): void => {
    child?.kill('SIGKILL')
    if (child === undefined || !mayNotSignal) return
    asked = false
    next = undefined
    if (!stopping) return
    clearTimeout(timer)
    child.unref()
    end(0)
  }
  const askToEnd = (): void => {
    asked = true
    child?.kill(killSignal)
    clearTimeout(timer)
    timer = setTimeout(forceToEnd, killTimeoutMs)
  }
  const leaves = (): void => {
    leaving = true
    setTimeout(() => (leaving = false), killTimeoutMs).unref()
  }

  return {
    run: (environment) => {
      if (stopping || over) return
      if (child === undefined) return start(environment)
      const waits = next !== undefined
      next = environment
      if (!waits) timer = setTimeout(askToEnd, jitterMs(0, splayMs))
    },
    signal: (name) => {
      if (child === undefined) return 'no child'
      if (asked) return 'being replaced'
      child.kill(name)
      if (endSignals.includes(name)) leaves()
      return 'passed on'
    },
    stop: () => {
      const again = stopping
      stopping = true
      if (child === undefined) end(0)
      else if (again) forceToEnd()
      else askToEnd()
    },
  }
}

/** The child, or why there is none: some errors of the system are thrown by `spawn` at once, others come as an event. */
const spawned = (
  file: string,
  args: readonly string[],
  argv0: string,
  environment: Variables,
): ChildProcess | Error => {
  try {
    return spawn(file, args, { stdio: 'inherit', env: { ...environment }, argv0 })
  } catch (fault) {
    const { code = '' } = fault as NodeJS.ErrnoException
    const why = code === 'E2BIG' ? 'its arguments and environment are too long' : String(fault)
    return new Error(why, { cause: fault })
  }
}

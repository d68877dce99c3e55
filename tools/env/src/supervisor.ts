import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'

export interface SupervisorOptions {
  readonly command: readonly string[]
  /** Asks the child to end. */
  readonly killSignal: NodeJS.Signals
  /** SIGKILL follows after this time. */
  readonly killTimeoutMs: number
  /** A child is replaced after a random time up to this. */
  readonly splayMs: number
  /** Told once: the child ended by itself, or after `stop`, with this code (128 and the number of the signal that ended it). */
  readonly onEnd: (code: number) => void
  /** Told once: the command cannot be started. */
  readonly onFault: (fault: Error) => void
  /** 0 to 1. Default Math.random. */
  readonly random?: () => number
}

export type Variables = Readonly<Record<string, string | undefined>>

export interface Supervisor {
  /** Starts the child, or ends it and starts another with this environment. The last call wins. */
  run(environment: Variables): void
  /** Passes a signal on; false where there is no child that could get it: none yet, or one that is being replaced. */
  signal(name: NodeJS.Signals): boolean
  /** Ends the child for good; asked again, at once, with SIGKILL. Without a child `onEnd` is told 0. */
  stop(): void
}

/** Keeps one child of a command running, with the environment that was asked for last. */
export const supervise = (options: SupervisorOptions): Supervisor => {
  const { command, killSignal, killTimeoutMs, splayMs, onEnd, onFault, random = Math.random } = options
  let child: ChildProcess | undefined
  /** The environment of the child that is to replace this one. */
  let next: Variables | undefined
  let stopping = false
  let timer: NodeJS.Timeout | undefined
  let asked = false

  const start = (environment: Variables): void => {
    const [program = '', ...args] = command
    asked = false
    const started = spawn(program, args, { stdio: 'inherit', env: { ...environment } })
    child = started
    started.once('error', (fault) => {
      // A failed kill is told here too; the child then still ends by itself.
      if (started.pid === undefined) onFault(fault)
    })
    started.once('exit', (code, signal) => {
      clearTimeout(timer)
      child = undefined
      const replacement = asked && !stopping ? next : undefined
      next = undefined
      if (replacement === undefined) onEnd(code ?? 128 + constants.signals[signal ?? 'SIGKILL'])
      else start(replacement)
    })
  }
  const askToEnd = (): void => {
    asked = true
    child?.kill(killSignal)
    clearTimeout(timer)
    timer = setTimeout(() => child?.kill('SIGKILL'), killTimeoutMs)
  }

  return {
    run: (environment) => {
      if (stopping) return
      if (child === undefined) return start(environment)
      const waits = next !== undefined
      next = environment
      if (!waits) timer = setTimeout(askToEnd, random() * splayMs)
    },
    signal: (name) => child !== undefined && !asked && child.kill(name),
    stop: () => {
      const again = stopping
      stopping = true
      if (child === undefined) onEnd(0)
      else if (again) child.kill('SIGKILL')
      else askToEnd()
    },
  }
}

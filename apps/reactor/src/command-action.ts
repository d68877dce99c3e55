import { spawn, type ChildProcess } from 'node:child_process'
import { isAbsolute, normalize } from 'node:path'
import type { Clock } from '@armature/async/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Reaction } from '@armature/messaging/on'
import { inject } from '@armature/telemetry/tracing'

export interface CommandOptions {
  /** The absolute path of the program, one of those that are allowed. It is run as it is: no shell reads it or its arguments. */
  readonly path: string
  /** The same for every message. What differs is on stdin and in the environment. */
  readonly args?: readonly string[]
  /** Then the program and all that it started are killed, and the attempt has failed. */
  readonly deadlineMs: number
}

interface CommandParts {
  /** Absolute paths. */
  readonly allowed: readonly string[]
  readonly clock: Clock
}

/** Of stdout and stderr together. The rest is read and dropped, so that the program does not wait for a reader. */
const keptOutputBytes = 4_096
/** EX_DATAERR of sysexits: the program will never take this message. */
const dataErrorCode = 65

/** Throws TypeError for what is no absolute path. */
export const checkCommandPath = (path: string): void => {
  if (!isAbsolute(path) || normalize(path) !== path) {
    throw new TypeError(`${JSON.stringify(path)} is no absolute path without . and ..: write it as /usr/local/bin/page`)
  }
}

/**
 * A handler that runs a program for each message: the body on stdin, its attributes in the environment (`CE_ID`, `CE_TYPE`, `CE_TOPIC`, ...,
 * `TRACEPARENT`), and nothing else there but a PATH. Exit code 0 is success, 65 (EX_DATAERR) a message that it will never take, any other a failure
 * that is tried again. The program has a process group of its own, which is killed at the deadline, when the subscription closes, and when the program
 * has ended. Throws TypeError for a path that is not allowed.
 */
export const createCommandAction = ({ allowed, clock }: CommandParts) => {
  return (options: CommandOptions) => {
    const { path, args = [], deadlineMs } = options
    checkCommandPath(path)
    if (!allowed.includes(path)) {
      throw new TypeError(`the command ${path} is not allowed: add it to COMMAND_ALLOW (--command-allow)`)
    }
    return async ({ message, signal, log }: Pick<Reaction<unknown>, 'message' | 'signal' | 'log'>): Promise<void> => {
      signal.throwIfAborted()
      const child: ChildProcess = spawn(path, args, {
        detached: true,
        shell: false,
        cwd: '/',
        env: environmentOf(message),
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      const output = keepOutput(child)
      const { code, late } = await ended(child, message.body, { deadlineMs, clock, signal })
      signal.throwIfAborted()
      if (code === 0) return log.debug({ command: path, output: output() }, 'the command has ended')
      const why = late ? `took longer than ${deadlineMs} ms and was killed` : `ended with ${String(code)}`
      const problem = `the command ${path} ${why}: ${output()}`
      if (code === dataErrorCode) throw new UnrecoverableError('command-refused', problem)
      throw new Error(problem)
    }
  }
}

interface Limits {
  readonly deadlineMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Resolves when the program has ended or could not be started, with its exit code or signal. */
const ended = (child: ChildProcess, body: Uint8Array, { deadlineMs, clock, signal }: Limits) =>
  new Promise<{ readonly code: number | string; readonly late: boolean }>((resolve, reject) => {
    let late = false
    const kill = () => killGroup(child)
    const cancel = clock.after(deadlineMs, () => {
      late = true
      kill()
    })
    signal.addEventListener('abort', kill, { once: true })
    const end = () => {
      cancel()
      signal.removeEventListener('abort', kill)
    }
    child.once('error', (cause) => {
      end()
      reject(new Error(`the command cannot be run: ${cause.message}`, { cause }))
    })
    child.once('exit', (code, by) => {
      end()
      // What it left running holds pipes, memory and perhaps locks.
      kill()
      resolve({ code: code ?? by ?? 'no code', late })
    })
    // A program may end without reading.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(body)
  })

const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}

const keepOutput = (child: ChildProcess): (() => string) => {
  const kept: Buffer[] = []
  let bytes = 0
  const keep = (chunk: Buffer) => {
    const part = chunk.subarray(0, keptOutputBytes - bytes)
    bytes += part.length
    if (part.length > 0) kept.push(part)
  }
  // A child has no streams where the process has no file descriptors left.
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => Buffer.concat(kept).toString('utf8').trim()
}

/** Attributes are named as those of CloudEvents; a value cannot hold a zero byte. */
const environmentOf = ({ id, topic, time, key, headers }: Message): Record<string, string> => {
  const attributes = { ...headers, id, topic, time: time.toISOString(), ...(key === undefined ? {} : { key }) }
  const variables: Record<string, string> = { PATH: '/usr/local/bin:/usr/bin:/bin' }
  for (const [name, value] of Object.entries(attributes)) {
    if (/^[a-z0-9-]+$/.test(name))
      variables[`CE_${name.replaceAll('-', '_').toUpperCase()}`] = value.replaceAll('\0', '')
  }
  const { traceparent = headers['traceparent'] } = inject({}) as { readonly traceparent?: string }
  return traceparent === undefined ? variables : { ...variables, TRACEPARENT: traceparent }
}

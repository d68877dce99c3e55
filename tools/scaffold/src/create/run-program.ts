import { spawn } from 'node:child_process'
import { Failure, unavailable } from './failure.ts'

const maxShownLines = 40
const maxOutputChars = 1_000_000
/** How long a program may take to end once it is told to. */
const endMs = 5_000

/** How a program is run. */
export interface RunOptions {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Ends it, with the programs that it has started. */
  readonly signal: AbortSignal
  /** What a user does where it fails. */
  readonly fix: string
}

/** Runs a program to its end and resolves with its output. Rejects with Failure, which has the end of the output, when no process of it is left. */
export const runProgram = (command: string, args: readonly string[], options: RunOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const { cwd, env, signal, fix } = options
    signal.throwIfAborted()
    // In a group of its own, so that what it starts ends with it.
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-maxOutputChars)))

    let timer: NodeJS.Timeout | undefined
    const end = () => {
      killGroup(child.pid, 'SIGTERM')
      timer = setTimeout(() => killGroup(child.pid, 'SIGKILL'), endMs)
    }
    signal.addEventListener('abort', end, { once: true })

    const fail = (reason: string) => {
      const shown = output.trimEnd().split('\n').slice(-maxShownLines).join('\n')
      reject(new Failure(`${shown}\n${command} ${args[0]} ${reason}. ${fix}.`, unavailable))
    }
    child.on('error', (error) => fail(`cannot be run (${error.message})`))
    child.on('close', (code, killedBy) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      if (code === 0) resolve(output.trim())
      else fail(killedBy === null ? `ended with ${code}` : `was ended by ${killedBy}`)
    })
  })

const killGroup = (pid: number | undefined, signal: NodeJS.Signals): void => {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}

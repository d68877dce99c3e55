import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export interface Executed {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ExecuteOptions {
  /** For standard input. */
  readonly input?: string
  /** After which the program is killed. Default 10 minutes. */
  readonly timeoutMs?: number
  /** Whether its output goes to this process's stderr as well. */
  readonly isShown?: boolean
  /** Default: those of this process. */
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a program to its end. Rejects only where it cannot be started. */
export const tryExecute = async (
  command: string,
  args: readonly string[],
  { input = '', timeoutMs = 600_000, isShown = false, cwd, env }: ExecuteOptions = {},
): Promise<Executed> => {
  const child = spawn(command, args, { stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL', cwd, env })
  const closed = once(child, 'close') as Promise<[number | null]>
  if (isShown)
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => process.stderr.write(bytes))
  // A program may end before it has read all; its exit code says what came of it.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  return { code, stdout, stderr }
}

/** Runs a program to its end and gives its stdout. Rejects with its output where it does not exit with 0. */
export const execute = async (
  command: string,
  args: readonly string[],
  options: ExecuteOptions = {},
): Promise<string> => {
  const { code, stdout, stderr } = await tryExecute(command, args, options)
  if (code === 0) return stdout
  throw new Error(
    `${command} ${args.join(' ')}: exit code ${String(code)}\n${stdout.slice(-4_000)}${stderr.slice(-4_000)}`,
  )
}

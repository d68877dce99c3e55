import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The environment a command runs with; `process.env` in production, a small one in tests. */
export type Environment = Readonly<Record<string, string | undefined>>

const tailLines = 12
const maxOutputBytes = 1_000_000
const killGraceMs = 2_000

/**
 * Runs a command to its end and returns what it wrote. Rejects with its last lines when it fails, and stops it when the
 * deadline passes.
 */
export const execute = (
  command: string,
  args: readonly string[],
  options: { deadlineMs: number; env?: Environment; cwd?: string },
): Promise<string> =>
  new Promise((resolve, reject) => {
    const shown = [command, ...args].join(' ')
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...(options.env ?? process.env) },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-maxOutputBytes)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    let late = false
    let kill: NodeJS.Timeout | undefined
    const deadline = setTimeout(() => {
      late = true
      child.kill('SIGTERM')
      kill = setTimeout(() => child.kill('SIGKILL'), killGraceMs)
    }, options.deadlineMs)
    const settle = () => {
      clearTimeout(deadline)
      clearTimeout(kill)
    }
    child.once('error', (cause) => {
      settle()
      reject(new Error(`${shown}: ${cause.message}`, { cause }))
    })
    child.once('close', (code, signal) => {
      settle()
      if (code === 0) return resolve(output)
      const why = late ? `not done after ${options.deadlineMs / 1000} s` : `ended with ${signal ?? `code ${code}`}`
      reject(new Error(`${shown}: ${why}\n${output.trimEnd().split('\n').slice(-tailLines).join('\n')}`))
    })
  })

/** The path of the first of these programs that PATH has, or undefined. */
export const onPath = async (names: readonly string[], env: Environment = process.env): Promise<string | undefined> => {
  for (const name of names) {
    for (const folder of (env['PATH'] ?? '').split(delimiter)) {
      if (folder === '') continue
      const path = join(folder, name)
      if (await executable(path)) return path
    }
  }
  return undefined
}

/** Whether this path is a file that may be run. */
export const executable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

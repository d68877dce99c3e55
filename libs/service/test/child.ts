import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, expect, vi } from 'vitest'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly process: ChildProcess
  /** The output so far. */
  stdout(): string
  stderr(): string
  /** Resolves with the match once its output (either) has it. Rejects when it exits before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** Resolves once it is gone and all it wrote is read. */
  readonly exit: Promise<Exit>
}

const deadlineMs = 20_000
const children = new Set<ChildProcess>()

/** Kills the process group, so that nothing a test started outlives it. */
const kill = (child: ChildProcess): void => {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

afterEach(() => {
  for (const child of children) kill(child)
  children.clear()
})

export const fixtureMain = join(import.meta.dirname, 'fixture', 'main.ts')

export interface ChildOptions {
  env?: Readonly<Record<string, string>>
  stdin?: 'ignore' | 'pipe'
}

export const startChild = (
  command: string,
  argv: readonly string[],
  { env = {}, stdin = 'ignore' }: ChildOptions = {},
): Child => {
  const child = spawn(command, argv, {
    env: { PATH: process.env['PATH'], STATSD_PORT: '0', ...env },
    stdio: [stdin, 'pipe', 'pipe'],
    detached: true,
  })
  children.add(child)
  let [stdout, stderr] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (text: string) => void (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (stderr += text))
  const exit = once(child, 'close').then(([code, signal]): Exit => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }))
  return {
    process: child,
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    says: (pattern) =>
      vi.waitFor(
        () => {
          const match = pattern.exec(`${stdout}\n${stderr}`)
          if (match === null) expect.fail(`no ${String(pattern)} in:\n${stdout}\n${stderr}`)
          return match
        },
        { timeout: deadlineMs, interval: 10 },
      ),
  }
}

/** The fixture service on this Node. */
export const startFixture = (argv: readonly string[] = [], options?: ChildOptions): Child =>
  startChild(process.execPath, [fixtureMain, ...argv], options)

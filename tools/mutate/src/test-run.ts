import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'

export interface TestRun {
  readonly passed: number
  readonly failed: number
  /** It was ended since it took longer than the limit. */
  readonly overran: boolean
}

export interface TestCommand {
  /** Program and arguments before the paths of the tests. Its last line has to be `N passed, N failed`. */
  readonly command: readonly [string, ...string[]]
  readonly folder: string
  readonly limitMs: number
  /** The file of its output. */
  readonly logFile: string
}

const closingLine = /^(\d+) passed, (\d+) failed\s*$/
const keptChars = 2_000
/** The time that the test command has to end its own servers after SIGTERM. */
const graceMs = 20_000

/**
 * Runs these test files by `command` and reads its closing line. A run without such a line counts as one failure. The command gets
 * SIGTERM at the limit, and SIGKILL to its process group when that is not enough.
 */
export const runTests = async (
  tests: readonly string[],
  { command: [program, ...args], folder, limitMs, logFile }: TestCommand,
): Promise<TestRun> => {
  const log = createWriteStream(logFile, { flags: 'a' })
  const child = spawn(program, [...args, ...tests], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let tail = ''
  const keep = (chunk: Buffer) => {
    log.write(chunk)
    tail = (tail + chunk.toString()).slice(-keptChars)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  let overran = false
  let killTimer: NodeJS.Timeout | undefined
  const limit = setTimeout(() => {
    overran = true
    child.kill('SIGTERM')
    killTimer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs)
  }, limitMs)
  const endWithUs = (signal: NodeJS.Signals) => () => void child.kill(signal)
  const handlers = (['SIGINT', 'SIGTERM'] as const).map((signal) => [signal, endWithUs(signal)] as const)
  for (const [signal, handler] of handlers) process.on(signal, handler)
  await once(child, 'close')
  for (const [signal, handler] of handlers) process.off(signal, handler)
  clearTimeout(limit)
  clearTimeout(killTimer)
  log.end()
  await once(log, 'close')
  const [, passed, failed] = closingLine.exec(tail.trimEnd().split('\n').at(-1) ?? '') ?? []
  if (passed === undefined || failed === undefined) return { passed: 0, failed: 1, overran }
  const empty = Number(passed) + Number(failed) === 0
  return { passed: Number(passed), failed: Number(failed) + (empty ? 1 : 0), overran }
}

const signalGroup = (pid: number | undefined, signal: NodeJS.Signals): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended by itself.
  }
}

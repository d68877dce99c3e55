import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { supervisorFolderVariable } from '@armature/servers/fixture'
import { startBoundSupervisor } from '@armature/servers/supervisor-client'
import { marked, runVariable, signalAll } from '@armature/servers/leftovers'
import { skippedServers } from '@armature/servers/skip'
import { startServers } from './start-servers.ts'
import { afterSecondRun, closing, filesToRunAgain, succeeded, type Tally } from './tally.ts'

// npm test: the tests of all projects in one run; arguments are Vitest's (a path, -t NAME). Closes with `N passed, N failed`.
// With MAX_FLAKY=N, where at most N tests failed, their files run once more, alone; those that pass then are named as flaky.
// The workspace is the working folder, where npm runs its scripts.
const root = process.cwd()
const vitestProgram = join(import.meta.dirname, '../../../node_modules/vitest/vitest.mjs')
const settleMs = 3_000
const testTimeoutMs = 30_000

const usage = 64
const skippedNames = (() => {
  try {
    return skippedServers()
  } catch (fault) {
    console.error(fault instanceof Error ? fault.message : fault)
    process.exit(usage)
  }
})()

const folder = mkdtempSync(join(tmpdir(), 'armature-test-'))
const tallyFile = join(folder, 'tally.json')
const run = randomUUID()

const env = { ...process.env, [runVariable]: run }
const supervisor = await startBoundSupervisor(env)
if (process.argv.length === 2) await startServers(supervisor, skippedNames, env)
let vitest: ChildProcess | undefined
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true
    vitest?.kill(signal)
  })
}

const runTests = async (args: readonly string[]): Promise<{ readonly code: number | null; readonly tally: Tally }> => {
  rmSync(tallyFile, { force: true })
  vitest = spawn(
    process.execPath,
    [
      vitestProgram,
      'run',
      `--root=${root}`,
      `--config=${join(import.meta.dirname, 'projects.config.ts')}`,
      `--testTimeout=${testTimeoutMs}`,
      `--hookTimeout=${testTimeoutMs}`,
      ...args,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...env, TALLY_FILE: tallyFile, [supervisorFolderVariable]: supervisor.folder },
    },
  )
  const [code] = (await once(vitest, 'close')) as [number | null]
  try {
    return { code, tally: JSON.parse(readFileSync(tallyFile, 'utf8')) as Tally }
  } catch {
    const reason = interrupted ? 'the run was interrupted' : 'Vitest ended before its report'
    return { code, tally: { passed: 0, failed: [reason], skipped: [] } }
  }
}

const first = await runTests(process.argv.slice(2))
const filesAgain = interrupted ? [] : filesToRunAgain(first.tally, Number(process.env['MAX_FLAKY'] ?? 0))
if (filesAgain.length > 0) process.stdout.write(`\n${filesAgain.length} files with failed tests run once more\n`)
const second = filesAgain.length === 0 ? undefined : await runTests(filesAgain)
const tally = second === undefined ? first.tally : afterSecondRun(first.tally, second.tally)
const { code } = second ?? first
await supervisor.end()
rmSync(folder, { recursive: true, force: true })

const left = () => marked(runVariable, run)
const settled = Date.now() + settleMs
while (left().length > 0 && Date.now() < settled) await pause(50)
const remaining = left()
signalAll(remaining, 'SIGKILL')

const whole: Tally = {
  ...tally,
  failed: [
    ...tally.failed,
    ...(code !== 0 && tally.failed.length === 0 && tally.passed > 0 ? [`Vitest ended with code ${code}`] : []),
    ...remaining.map(({ pid, command }) => `a process was left running: ${pid} ${command}`),
  ],
}
process.stdout.write(`\n${closing(whole, skippedNames).join('\n')}\n`)
process.exitCode = succeeded(whole) ? 0 : 1

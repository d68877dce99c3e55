import { spawn } from 'node:child_process'
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
import { closing, succeeded, type Tally } from './tally.ts'

// npm test: the tests of all projects in one run; arguments are Vitest's (a path, -t NAME). Closes with `N passed, N failed`.
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
const vitest = spawn(
  process.execPath,
  [
    vitestProgram,
    'run',
    `--root=${root}`,
    `--config=${join(import.meta.dirname, 'projects.config.ts')}`,
    `--testTimeout=${testTimeoutMs}`,
    `--hookTimeout=${testTimeoutMs}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, TALLY_FILE: tallyFile, [supervisorFolderVariable]: supervisor.folder },
  },
)
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true
    vitest.kill(signal)
  })
}
const [code] = (await once(vitest, 'close')) as [number | null]
await supervisor.end()

const tally = ((): Tally => {
  try {
    return JSON.parse(readFileSync(tallyFile, 'utf8')) as Tally
  } catch {
    return {
      passed: 0,
      failed: [interrupted ? 'the run was interrupted' : 'Vitest ended before its report'],
      skipped: [],
    }
  }
})()
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

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { serverDeadlineMs, serverUrl } from '../src/fixture.ts'
import { isAlive, supervisorAt, supervisorPlaces, startBoundSupervisor } from '../src/supervisor-client.ts'
import { marked, runVariable, signalAll } from '../src/leftovers.ts'
import { type Program, startProgram } from '../src/program.ts'
import { accepts } from '../src/running.ts'

/** One that is a single program, one that forks, one that starts a daemon of its own. */
const names = ['nats', 'postgres', 'rabbitmq'] as const
const settleMs = 20_000
let run: string
let owner: Program | undefined

/** A run of tests in little: keeps servers, and has another process beside them. */
const startOwner = async (): Promise<string> => {
  const script = `
    import { spawn } from 'node:child_process'
    import { startBoundSupervisor } from '${import.meta.dirname}/../src/supervisor-client.ts'
    const { folder } = await startBoundSupervisor()
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', detached: true })
    console.log('folder ' + folder + '.'); setInterval(() => {}, 1000)`
  const env: Record<string, string | undefined> = { ...process.env, [runVariable]: run }
  owner = startProgram(process.execPath, ['--input-type=module', '-e', script], { env })
  return (await owner.until(/folder (.*)\./))[1] ?? ''
}

const portOf = (url: string): number => Number(new URL(url).port)

beforeEach(() => {
  run = crypto.randomUUID()
})
afterEach(async () => {
  await owner?.kill()
  signalAll(marked(runVariable, run), 'SIGKILL')
})

describe.runIf(process.platform === 'linux')('servers of a run', { timeout: serverDeadlineMs }, () => {
  const begun = async () => {
    const folder = await startOwner()
    const env = { ...process.env, ARMATURE_SUPERVISOR: folder, ARMATURE_SKIP: '' }
    const urls = await Promise.all(
      names.map((name) => serverUrl(name, { ...env, NATS_URL: '', DATABASE_URL: '', AMQP_URL: '' })),
    )
    for (const url of urls) expect(await accepts(portOf(url))).toBe(true)
    return { folder, urls }
  }
  const nothingIsLeft = () =>
    vi.waitFor(() => expect(marked(runVariable, run)).toEqual([]), { timeout: settleMs, interval: 100 })

  test('end with all its processes and their data when it is killed', async () => {
    const { folder } = await begun()
    expect(marked(runVariable, run).length).toBeGreaterThan(names.length)
    owner?.signal('SIGKILL')
    await nothingIsLeft()
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), settleMs)
  })

  test('end when their supervisor is killed; the next one removes their data', async () => {
    const { folder } = await begun()
    const pid = Number(await readFile(supervisorPlaces(folder).pidFile, 'utf8'))
    process.kill(pid, 'SIGKILL')
    owner?.signal('SIGKILL')
    const others = () => marked(runVariable, run).filter(({ command }) => !command.includes('setInterval'))
    await vi.waitFor(() => expect(others()).toEqual([]), { timeout: settleMs, interval: 100 })
    expect(existsSync(folder)).toBe(true)
    const next = await startBoundSupervisor()
    expect(existsSync(folder)).toBe(false)
    await next.end()
    expect(existsSync(next.folder)).toBe(false)
  })
})

test('a supervisor that is told to end has ended its servers before it answers', async () => {
  const supervisor = await startBoundSupervisor()
  const { variables } = await supervisor.ask('nats')
  const pid = Number(await readFile(supervisorPlaces(supervisor.folder).pidFile, 'utf8'))
  expect(await accepts(portOf(variables['NATS_URL'] ?? ''))).toBe(true)
  await supervisor.end()
  expect(await accepts(portOf(variables['NATS_URL'] ?? ''))).toBe(false)
  expect(existsSync(supervisor.folder)).toBe(false)
  expect(isAlive(pid)).toBe(false)
  await expect(supervisorAt(supervisor.folder).list()).rejects.toThrow()
})

test('what a server writes is in its log', async () => {
  const supervisor = await startBoundSupervisor()
  try {
    await supervisor.ask('nats')
    expect(await readFile(supervisorPlaces(supervisor.folder).logOf('nats'), 'utf8')).toContain('Server is ready')
  } finally {
    await supervisor.end()
  }
})

import { startOnTerminal, type Program } from '@armature/servers/program'
import { marked } from '@armature/servers/leftovers'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'

// Each app of this workspace as a developer runs it: `nx serve APP`.
const workspace = join(import.meta.dirname, '../../..')
const limitMs = 120_000
const deadlineMs = 60_000
const mark = 'ARMATURE_SERVE_APPS_TEST'
const restarting = /Restarting 'src/
/** A service says what it waits for and how that becomes something real; what has a page names it. */
const waitsFor = /^waits for .*: [A-Z]+_URL points at a real one|^page +http:\/\/127\.0\.0\.1:\d+/m
const admin = /admin +(http:\/\/127\.0\.0\.1:\d+)/g

let run: string
let nxData: string
let program: Program | undefined
/** Nx notes there what runs: in the workspace's own, a developer's `nx serve` would be waited for. */
beforeAll(async () => {
  nxData = await mkdtemp(join(tmpdir(), 'serve-apps-'))
})
afterAll(() => rm(nxData, { recursive: true, force: true }))
beforeEach(() => {
  run = randomUUID()
})
afterEach(async () => {
  await program?.kill()
  for (const { pid } of marked(mark, run)) process.kill(pid, 'SIGKILL')
})

/** The newest admin address, once so many starts have printed one. */
const adminOf = async (served: Program, starts: number): Promise<string> => {
  const found = () => [...served.output().matchAll(admin)]
  await vi.waitFor(() => expect(found().length, served.output()).toBeGreaterThanOrEqual(starts), {
    timeout: deadlineMs,
    interval: 50,
  })
  return found().at(-1)?.[1] ?? ''
}
const statusOf = async (address: string, path: string) => (await fetch(`${address}${path}`)).status
const ready = async (address: string) => {
  expect(await statusOf(address, '/livez')).toBe(200)
  await vi.waitFor(async () => expect(await statusOf(address, '/readyz')).toBe(200), { timeout: deadlineMs })
}

type Manifest = { readonly nx?: { readonly targets?: { readonly serve?: object } } }
const apps = readdirSync(join(workspace, 'apps')).filter((app) => {
  const manifest = join(workspace, 'apps', app, 'package.json')
  return (
    existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as Manifest).nx?.targets?.serve !== undefined
  )
})

test('there are apps to serve', () => {
  expect(apps).not.toEqual([])
})

test.each(apps)(
  'nx serve %s is healthy, says what it waits for, restarts on a change and stops cleanly',
  { timeout: limitMs },
  async (app) => {
    const env = {
      ...process.env,
      [mark]: run,
      NX_WORKSPACE_DATA_DIRECTORY: nxData,
      PATH: [join(workspace, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
    }
    const served = startOnTerminal(`exec nx serve ${app}`, { cwd: workspace, env })
    program = served
    await ready(await adminOf(served, 1))
    expect(served.output()).toMatch(waitsFor)

    // The watcher is notified of the imported files a moment after that: an earlier change would go unseen.
    await vi.waitFor(
      async () => {
        if (!restarting.test(served.output()))
          await utimes(join(workspace, 'apps', app, 'src/service.ts'), new Date(), new Date())
        expect(served.output()).toMatch(restarting)
      },
      { timeout: deadlineMs, interval: 200 },
    )
    await ready(await adminOf(served, 2))

    served.write('\x03')
    expect((await served.ended(deadlineMs)).code).toBe(130)
    await vi.waitFor(() => expect(marked(mark, run)).toEqual([]), { timeout: 10_000, interval: 50 })
    expect(served.output()).not.toMatch(/overran|cannot|error/i)
  },
)

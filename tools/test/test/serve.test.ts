import { startOnTerminal, startProgram, type Program } from '@armature/servers/program'
import { randomUUID } from 'node:crypto'
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { marked, signalAll } from '@armature/servers/leftovers'

// How `nx serve` treats an app: the workspace's own nx.json on an app in little, whose drain takes a while.
const workspace = join(import.meta.dirname, '../../..')
const limitMs = 60_000
const mark = 'ARMATURE_SERVE_TEST'

let root: string
let notes: string
let run: string
let program: Program | undefined
let env: Record<string, string | undefined>

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'serve-'))
  notes = join(root, 'notes')
  run = randomUUID()
  env = {
    ...process.env,
    [mark]: run,
    NOTES: notes,
    PATH: [join(workspace, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
  }
  await mkdir(join(root, 'apps/one/src'), { recursive: true })
  await mkdir(join(root, 'libs/two/src'), { recursive: true })
  await symlink(join(workspace, 'node_modules'), join(root, 'node_modules'))
  for (const name of ['nx.json', 'tsconfig.base.json']) copyFileSync(join(workspace, name), join(root, name))
  const files = {
    'package.json': { name: 'root', private: true, workspaces: ['apps/*', 'libs/*'] },
    'package-lock.json': { name: 'root', lockfileVersion: 3, packages: {} },
    'apps/one/package.json': { name: '@it/one', type: 'module', nx: { targets: { serve: {} } } },
    'libs/two/package.json': { name: '@it/two', type: 'module' },
  }
  for (const [path, content] of Object.entries(files)) await writeFile(join(root, path), JSON.stringify(content))
  await writeFile(join(root, 'libs/two/src/word.ts'), `export const word: string = 'ready'\n`)
  await writeFile(join(root, 'apps/one/src/main.ts'), app)
})
afterEach(async () => {
  await program?.kill()
  signalAll(marked(mark, run), 'SIGKILL')
  await rm(root, { recursive: true, force: true })
})

const app = `import { appendFileSync } from 'node:fs'
import { word } from '../../../libs/two/src/word.ts'
const note = (what: string) => appendFileSync(process.env.NOTES!, what + '\\n')
const alive = setInterval(() => {}, 1_000)
let stopping = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) return
    stopping = true
    note('draining')
    setTimeout(() => { note('drained'); clearInterval(alive) }, 1_500)
  })
}
note(word)
`

const noted = (): string[] => {
  appendFileSync(notes, '')
  return readFileSync(notes, 'utf8').split('\n').slice(0, -1)
}
const notesAre = (expected: string[]) =>
  vi.waitFor(() => expect(noted()).toEqual(expected), { timeout: limitMs, interval: 20 })
const nothingLeft = () => vi.waitFor(() => expect(marked(mark, run)).toEqual([]), { timeout: 10_000, interval: 50 })

const serve = 'nx serve one'

test('Ctrl-C on a terminal lets the drain finish, then Nx answers 130', { timeout: limitMs }, async () => {
  program = startOnTerminal(`exec ${serve}`, { cwd: root, env })
  await notesAre(['ready'])
  program.write('\x03')
  expect((await program.ended(limitMs)).code).toBe(130)
  expect(noted()).toEqual(['ready', 'draining', 'drained'])
  await nothingLeft()
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s to the group lets the drain finish',
  { timeout: limitMs },
  async (signal) => {
    program = startProgram('nx', ['serve', 'one'], { cwd: root, env })
    await notesAre(['ready'])
    program.signalGroup(signal)
    await program.ended(limitMs)
    await notesAre(['ready', 'draining', 'drained'])
    await nothingLeft()
  },
)

test.each(['apps/one/src/main.ts', 'libs/two/src/word.ts'])(
  'a change of %s drains, then starts again',
  { timeout: limitMs },
  async (path) => {
    program = startOnTerminal(`exec ${serve}`, { cwd: root, env })
    await notesAre(['ready'])
    // The watcher is notified of the imported files a moment after that: an earlier change would go unseen.
    const change = () => utimes(join(root, path), new Date(), new Date())
    await vi.waitFor(
      async () => {
        if (!noted().includes('draining')) await change()
        expect(noted()).toContain('draining')
      },
      { timeout: limitMs, interval: 200 },
    )
    await notesAre(['ready', 'draining', 'drained', 'ready'])
    program.write('\x03')
    await program.ended(limitMs)
    expect(noted()).toEqual(['ready', 'draining', 'drained', 'ready', 'draining', 'drained'])
    await nothingLeft()
  },
)

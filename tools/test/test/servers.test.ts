import { marked, signalAll } from '@armature/servers/leftovers'
import { startProgram, type Program } from '@armature/servers/program'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

const limitMs = 120_000
const main = join(import.meta.dirname, '../src/main.ts')
const servers = join(import.meta.dirname, '../../servers/src')

let root: string
let program: Program | undefined
let outer: string

/** A workspace in little, whose tests ask for servers. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'run-servers-'))
  outer = crypto.randomUUID()
  await symlink(join(import.meta.dirname, '../../../node_modules'), join(root, 'node_modules'))
})
afterEach(async () => {
  await program?.kill()
  signalAll(marked('OUTER_RUN', outer), 'SIGKILL')
  await rm(root, { recursive: true, force: true })
})

const project = async (name: string, text: string, config = '') => {
  const folder = join(root, 'libs', name)
  await mkdir(join(folder, 'src'), { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, type: 'module' }))
  await writeFile(
    join(folder, 'vitest.config.ts'),
    `export default { test: { include: ['src/**/*.test.ts'], ${config} } }\n`,
  )
  const imports = `import { appendFileSync } from 'node:fs'
    import { describe, expect, test } from 'vitest'
    import { serverUrl, skipped } from '${servers}/fixture.ts'\n`
  await writeFile(join(folder, 'src/it.test.ts'), imports + text)
  return folder
}

const environment = (more: Record<string, string> = {}) => ({
  ...process.env,
  NO_COLOR: '1',
  CI: '',
  ARMATURE_SKIP: '',
  ARMATURE_SUPERVISOR: undefined,
  NATS_URL: '',
  OUTER_RUN: outer,
  ...more,
})

const start = (more: Record<string, string> = {}) => {
  program = startProgram(process.execPath, [main], { cwd: root, env: environment(more) })
  return program
}

const finished = async (more: Record<string, string> = {}) => {
  const run = start(more)
  const { code } = await run.ended(limitMs)
  return { code, output: run.output() }
}

const asks = (more = '') =>
  `test('asks', async () => { appendFileSync('${root}/urls', await serverUrl('nats') + '\\n'); ${more} }, ${limitMs})\n`
const urls = async () => (await readFile(join(root, 'urls'), 'utf8')).trim().split('\n')
const nothingIsLeft = () =>
  vi.waitFor(() => expect(marked('OUTER_RUN', outer)).toEqual([]), { timeout: 20_000, interval: 50 })

describe('servers of a run', { timeout: limitMs }, () => {
  test('are shared by all projects and workers, and end before the run looks for what is left', async () => {
    await project('one', asks())
    await project('two', asks())
    expect(await finished()).toMatchObject({ code: 0, output: expect.stringMatching(/\n2 passed, 0 failed\n$/) })
    const [first, second] = await urls()
    expect(first).toMatch(/^nats:/)
    expect(second).toBe(first)
    await nothingIsLeft()
  })

  test.runIf(process.platform === 'linux')('end with the run when that is killed, and so do its tests', async () => {
    await project('one', asks(`console.log('it is on'); await new Promise(() => {})`))
    const run = start()
    await run.until(/it is on/, limitMs)
    expect(marked('OUTER_RUN', outer).some(({ command }) => command.includes('nats-server'))).toBe(true)
    run.signal('SIGKILL')
    await nothingIsLeft()
  })

  test('end with a Ctrl-C', async () => {
    await project('one', asks(`console.log('it is on'); await new Promise(() => {})`))
    const run = start()
    await run.until(/it is on/, limitMs)
    run.signalGroup('SIGINT')
    expect((await run.ended(limitMs)).code).toBe(1)
    await nothingIsLeft()
  })

  test('are kept by a project of its own too, with the global set-up', async () => {
    const folder = await project('one', asks(), `globalSetup: '${servers}/global-setup.ts'`)
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    program = startProgram(process.execPath, [vitest, 'run', '--root', folder], { env: environment() })
    expect((await program.ended(limitMs)).code).toBe(0)
    expect(await urls()).toHaveLength(1)
    await nothingIsLeft()
  })
})

describe('ARMATURE_SKIP', { timeout: limitMs }, () => {
  const suite = `describe.skipIf(skipped('nats'))('needs NATS', () => { ${asks()} }); test('needs none', () => {})`

  test('skips, and what it skipped stands just above the last line', async () => {
    await project('one', suite)
    const { code, output } = await finished({ ARMATURE_SKIP: 'nats' })
    expect(code).toBe(0)
    const skipped =
      /\n1 skipped \(ARMATURE_SKIP=nats\):\n {2}one src\/it\.test\.ts > needs NATS > asks\n\n1 passed, 0 failed\n$/
    expect(output).toMatch(skipped)
  })

  test.each([
    [{ ARMATURE_SKIP: 'nats', CI: 'true' }, /^ARMATURE_SKIP is set, but CI is too[^\n]*\n$/],
    [{ ARMATURE_SKIP: 'natz' }, /^ARMATURE_SKIP: No such server: natz\. The servers are [^\n]*\n$/],
  ])('%o is refused before a test runs', async (more, text) => {
    await project('one', suite)
    expect(await finished(more)).toEqual({ code: 64, output: expect.stringMatching(text) })
  })
})

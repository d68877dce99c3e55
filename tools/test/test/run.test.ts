import { startProgram, type Program } from '@armature/servers/program'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'

const limitMs = 60_000
const main = join(import.meta.dirname, '../src/main.ts')

let root: string
let program: Program | undefined

/** A workspace in little, with Vitest from this one. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'run-'))
  await symlink(join(import.meta.dirname, '../../../node_modules'), join(root, 'node_modules'))
})
afterEach(async () => {
  await program?.kill()
  await rm(root, { recursive: true, force: true })
})

const project = async (name: string, text: string) => {
  const folder = join(root, 'libs', name)
  await mkdir(join(folder, 'src'), { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, type: 'module' }))
  await writeFile(
    join(folder, 'vitest.config.ts'),
    `export default { test: { include: ['src/**/*.test.ts'], passWithNoTests: true } }\n`,
  )
  if (text !== '') await writeFile(join(folder, 'src/it.test.ts'), `import { expect, test } from 'vitest'\n${text}\n`)
}

const start = (...args: string[]) => {
  program = startProgram(process.execPath, [main, ...args], { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
  return program
}

const finished = async (...args: string[]) => {
  const run = start(...args)
  const { code } = await run.ended(limitMs)
  return { code, output: run.output() }
}

const pass = (name: string) => `test('${name}', () => {})\n`
const fail = (name: string) => `test('${name}', () => expect(1).toBe(2))\n`

test('sums the tests of all projects in its last line', { timeout: limitMs }, async () => {
  await project('one', pass('a') + pass('b'))
  await project('two', pass('c'))
  expect(await finished()).toMatchObject({ code: 0, output: expect.stringMatching(/\n3 passed, 0 failed\n$/) })
  expect((await finished('libs/two')).output).toMatch(/\n1 passed, 0 failed\n$/)
})

test('lists what failed and what was skipped', { timeout: limitMs }, async () => {
  await project('one', `${pass('a')}${fail('b')}test.skip('c', () => {})`)
  await project('two', 'throw new Error("no such thing")')
  const { code, output } = await finished()
  expect(code).toBe(1)
  expect(output).toMatch(/\n1 skipped:\n {2}one src\/it\.test\.ts > c\n/)
  expect(output).toMatch(/\n2 failed:\n/)
  expect(output).toContain('\n  one src/it.test.ts > b\n')
  expect(output).toContain('\n  two src/it.test.ts > no such thing\n')
  expect(output).toMatch(/\n1 passed, 2 failed\n$/)
})

test.each([
  ['a rejection that nobody handles', `${pass('a')}\nvoid Promise.reject(new Error('lost'))`, 'unhandled error: lost'],
  [
    'a failed hook',
    `${pass('a')}\nimport { afterAll } from 'vitest'\nafterAll(() => { throw new Error('hook') })`,
    'hook',
  ],
])('%s fails the run', { timeout: limitMs }, async (_what, text, reason) => {
  await project('one', text)
  const { code, output } = await finished()
  expect(code).toBe(1)
  expect(output).toMatch(new RegExp(`1 failed:\n.*${reason}`))
})

const failsOnce = (file: string) => `import { existsSync, writeFileSync } from 'node:fs'
test('b', () => {
  const isSecond = existsSync('${file}')
  writeFileSync('${file}', '')
  expect(isSecond).toBe(true)
})`

const withMaxFlaky = async (maxFlaky: string) => {
  vi.stubEnv('MAX_FLAKY', maxFlaky)
  onTestFinished(() => void vi.unstubAllEnvs())
  // With a path no servers are started.
  return finished('it.test')
}

test(
  'with MAX_FLAKY a test that passes at the second run is named, and the run passes',
  { timeout: limitMs },
  async () => {
    await project('one', failsOnce(join(root, 'seen')))
    await project('two', pass('a'))
    const { code, output } = await withMaxFlaky('1')
    expect(output).toMatch(/1 FLAKY .*:\n {2}one src\/it\.test\.ts > b\n\n2 passed, 0 failed\n$/)
    expect(code).toBe(0)
  },
)

test.each([
  ['fails again', '2', fail('a')],
  ['is a property', '2', `test('a', () => { throw new Error('Property failed after 1 tests') })`],
  ['is one of too many', '1', fail('a') + fail('b')],
])('with MAX_FLAKY a test that %s fails the run', { timeout: limitMs }, async (_what, maxFlaky, text) => {
  await project('one', text)
  const { code, output } = await withMaxFlaky(maxFlaky)
  expect(code).toBe(1)
  expect(output).toMatch(/ > a\n.*\n0 passed, [12] failed\n$/s)
  expect(output).not.toContain('FLAKY')
})

test('a run without a test fails', { timeout: limitMs }, async () => {
  await project('one', '')
  expect(await finished()).toMatchObject({
    code: 1,
    output: expect.stringMatching(/No test was run\.\n0 passed, 0 failed\n$/),
  })
})

const sleeper = (file: string) => `import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
test('leaves', () => {
  const child = spawn('/bin/sleep', ['61'], { detached: true, stdio: 'ignore' })
  child.unref()
  writeFileSync('${file}', String(child.pid))
})`

const gone = (pid: number) =>
  vi.waitFor(() => {
    const state = () => readFile(`/proc/${pid}/stat`, 'utf8').then((stat) => stat.split(') ')[1]?.[0])
    return expect(state().catch(() => 'Z')).resolves.toBe('Z')
  })

test.runIf(process.platform === 'linux')(
  'a process left behind is ended and fails the run',
  { timeout: limitMs },
  async () => {
    await project('one', sleeper(join(root, 'pid')))
    const { code, output } = await finished()
    expect(code).toBe(1)
    expect(output).toMatch(/1 failed:\n {2}a process was left running: \d+ \/bin\/sleep 61\n\n1 passed, 1 failed\n$/)
    await gone(Number(await readFile(join(root, 'pid'), 'utf8')))
  },
)

test('interrupted, it stops the tests and says so', { timeout: limitMs }, async () => {
  await project('one', `test('long', () => { console.log('it is on'); return new Promise(() => {}) }, 60_000)`)
  const run = start()
  await run.until(/it is on/, limitMs)
  run.signalGroup('SIGINT')
  expect((await run.ended(limitMs)).code).toBe(1)
  expect(run.output()).toMatch(/interrupted\n\n0 passed, \d failed\n$/)
})

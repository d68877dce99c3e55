import { execute } from '@armature/servers/execute'
import { groupMembers } from '@armature/servers/process-group'
import { startProgram, type Program } from '@armature/servers/program'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
// eslint-disable-next-line @nx/enforce-module-boundaries -- a script of the root, which is no project
import { fixOfNpm, versionProblem } from '../../set-up.mjs'

const tools = join(import.meta.dirname, '../..')
const limitMs = 60_000

let root: string
let bin: string
let home: string
const started: Program[] = []

/** A checkout in little: one workspace, and a package `node` that is a script, all from folders, so that npm needs no network. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'set-up-'))
  bin = join(root, 'outer-bin')
  home = join(root, 'home')
  for (const folder of ['tools', 'vendor/node/bin', 'libs/database/src', 'outer-bin', 'home']) {
    await mkdir(join(root, folder), { recursive: true })
  }
  for (const name of ['set-up.mjs', 'set-up-step.mjs']) await copyFile(join(tools, name), join(root, 'tools', name))
  await ownNode('v24.1.0')
  await write('vendor/node/package.json', { name: 'node', version: '24.1.0', bin: { node: 'bin/node' } })
  await write('libs/database/package.json', { name: 'database', version: '1.0.0' })
  await write('package.json', { workspaces: ['libs/*'], devDependencies: { node: 'file:vendor/node' } })
  await execute('npm', ['install', '--package-lock-only', '--offline', '--no-audit'], {
    cwd: root,
    deadlineMs: limitMs,
  })
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.kill()))
  await rm(root, { recursive: true, force: true })
})

const write = (path: string, content: object | string) =>
  writeFile(join(root, path), typeof content === 'string' ? content : JSON.stringify(content))

const script = async (path: string, text: string) => {
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
}

const ownNode = (version: string) =>
  script(
    join(root, 'vendor/node/bin/node'),
    `if [ "$1" = --version ]; then echo ${version}; else exec '${process.execPath}' "$@"; fi`,
  )

const setUp = (...args: string[]): Program => {
  const env = { ...process.env, HOME: home, PATH: [bin, process.env['PATH']].join(delimiter) }
  const program = startProgram(process.execPath, [join(root, 'tools/set-up.mjs'), ...args], { cwd: root, env })
  started.push(program)
  return program
}

const finished = async (...args: string[]) => {
  const program = setUp(...args)
  const { code } = await program.ended(limitMs)
  return { code, output: program.output() }
}

const exists = (path: string) =>
  stat(join(root, path)).then(
    () => true,
    () => false,
  )

describe('set-up', { timeout: limitMs }, () => {
  test('installs what is missing, says so, and then has nothing to do', async () => {
    const first = await finished('--quiet')
    expect(first).toMatchObject({
      code: 0,
      output: expect.stringMatching(/npm ci\) \.\.\.\n(.*\n)*.*: done \(\d+ s\)/),
    })
    expect(await exists('node_modules/.bin/node')).toBe(true)
    expect(await finished('--quiet')).toEqual({ code: 0, output: '' })
    expect(await finished()).toMatchObject({ code: 0, output: expect.stringContaining('Ready: Node 24.1.0') })
  })

  test('installs again when the lock changed, not when only a script did', async () => {
    await finished('--quiet')
    await write('libs/database/package.json', { name: 'database', version: '1.0.0', scripts: { hello: 'true' } })
    expect(await finished('--quiet')).toEqual({ code: 0, output: '' })
    await mkdir(join(root, 'vendor/extra'))
    await write('vendor/extra/package.json', { name: 'extra', version: '1.0.0' })
    await write('package.json', {
      workspaces: ['libs/*'],
      devDependencies: { node: 'file:vendor/node', extra: 'file:vendor/extra' },
    })
    await execute('npm', ['install', '--package-lock-only', '--offline'], { cwd: root, deadlineMs: limitMs })
    expect((await finished('--quiet')).output).toContain('npm ci')
    expect(await exists('node_modules/extra/package.json')).toBe(true)
  })

  test('takes what `npm install` by hand has put in place', async () => {
    await execute('npm', ['install', '--offline', '--no-audit'], { cwd: root, deadlineMs: limitMs })
    expect(await finished('--quiet')).toEqual({ code: 0, output: '' })
  })

  test('a failed install shows what npm wrote and names the fix', async () => {
    await write('package.json', { workspaces: ['libs/*'], devDependencies: { other: '1.0.0' } })
    const { code, output } = await finished('--quiet')
    expect(code).toBe(69)
    expect(output).toMatch(/can only install packages when/)
    expect(output).toMatch(/npm ci failed: run `npm install` and commit package-lock\.json\.\n$/)
  })

  test('without npm says what to install', async () => {
    await script(join(bin, 'npm'), 'exit 127')
    expect(await finished('--quiet')).toMatchObject({ code: 78, output: expect.stringContaining('npm is not on PATH') })
  })

  test('a Node that is too old after the install is refused with the command that mends it', async () => {
    await ownNode('v20.9.0')
    expect(await finished('--quiet')).toMatchObject({
      code: 78,
      output: expect.stringMatching(/is v20\.9\.0, Node 24 is needed: .*\nRun `npm rebuild node esbuild/),
    })
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle ends npm; the next run repairs', async (signal) => {
    await finished('--quiet')
    await rm(join(root, 'node_modules/.bin/node'))
    await script(join(bin, 'npm'), '[ "$1" = --version ] && echo 11.0.0 && exit; echo $$ > npm.pid; exec /bin/sleep 60')
    const program = setUp('--quiet')
    const pid = await vi.waitFor(async () => {
      const text = await readFile(join(root, 'npm.pid'), 'utf8')
      expect(text).toMatch(/\d+\n/)
      return Number(text)
    }, limitMs)
    program.signal(signal)
    expect(await program.ended()).toEqual({ code: signal === 'SIGINT' ? 130 : 143, signal: null })
    expect(program.output()).toContain('Interrupted: the next run does this step again.')
    await vi.waitFor(() => expect(groupMembers(pid)).toEqual([]))
    await rm(join(bin, 'npm'))
    expect((await finished('--quiet')).output).toMatch(/npm ci\): done/)
    expect(await exists('node_modules/.bin/node')).toBe(true)
  })

  test('two at a time: the second waits for the first', async () => {
    const [one, two] = await Promise.all([finished('--quiet'), finished('--quiet')])
    expect([one.code, two.code]).toEqual([0, 0])
    expect([one, two].filter(({ output }) => output.includes('npm ci): done'))).toHaveLength(1)
  })

  test('prepares templates, again when their source changed or what was made is gone', async () => {
    const prepare = `import { appendFileSync, mkdirSync } from 'node:fs'
      const made = '${join(root, 'template')}'
      mkdirSync(made, { recursive: true }); appendFileSync('${join(root, 'calls')}', '.'); console.log(made)\n`
    await write('libs/database/src/prepare.ts', prepare)
    const calls = () => readFile(join(root, 'calls'), 'utf8')
    expect((await finished('--quiet')).output).toContain('Preparing libs/database: done')
    expect(await finished('--quiet')).toEqual({ code: 0, output: '' })
    expect(await calls()).toBe('.')
    await rm(join(root, 'template'), { recursive: true })
    await finished('--quiet')
    expect(await calls()).toBe('..')
    await write('libs/database/src/prepare.ts', `${prepare}// changed\n`)
    await finished('--quiet')
    expect(await calls()).toBe('...')
  })

  test('a failed preparation shows what it wrote, and is tried again', async () => {
    await write('libs/database/src/prepare.ts', 'throw new Error("no room")\n')
    const { code, output } = await finished('--quiet')
    expect(code).toBe(69)
    expect(output).toMatch(/no room[^]*failed: run `npx node libs\/database\/src\/prepare\.ts` to see it alone/)
    await write('libs/database/src/prepare.ts', '\n')
    expect((await finished('--quiet')).code).toBe(0)
  })
})

describe('versions', () => {
  test.each([
    ['v20.0.0', '10.8.2'],
    ['v24.21.0', '11.19.1'],
  ])('Node %s with npm %s will do', (node, npm) => {
    expect(versionProblem(node, npm)).toBeUndefined()
  })

  test.each([
    ['v18.20.0', '10.8.2', 'Node v18.20.0 is too old'],
    ['v20.0.0', '9.9.9', 'npm 9.9.9 is too old'],
    ['v20.0.0', undefined, 'npm is not on PATH'],
  ])('Node %s with npm %s will not: %s', (node, npm, problem) => {
    expect(versionProblem(node, npm)).toContain(problem)
  })
})

test.each([
  ['npm error code ENOTFOUND', 'check the network'],
  ['npm error code E401', 'npm login'],
  ['npm error code ENOSPC', 'disk space'],
  ['npm error something else', 'run `npm ci`'],
])('the fix of %s', (output, fix) => {
  expect(fixOfNpm(output)).toContain(fix)
})

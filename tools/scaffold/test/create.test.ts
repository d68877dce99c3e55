import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { helm } from '@armature/servers/clients'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { root } from './dry-tree.ts'

// The package that `npm create` runs is packed, installed from its tarball, and makes the smallest and the full platform. Both must be sound.
const limitMs = 600_000
const maxOutputBytes = 64 * 1024 * 1024
let folder: string
let program: string

/** `npm` of the new workspaces. */
const putNpm = (command: string) => {
  mkdirSync(join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'bin/npm'), `#!/bin/sh\n${command}\n`, { mode: 0o755 })
}
const linkingNpm = `exec '${process.execPath}' '${join(import.meta.dirname, 'npm-of-test.ts')}'`

const environment = (...first: string[]) => ({
  ...process.env,
  NX_DAEMON: 'false',
  GIT_CONFIG_GLOBAL: join(folder, 'gitconfig'),
  PATH: [...first, process.env['PATH']].join(delimiter),
})
const create = (...args: string[]) =>
  spawnSync(process.execPath, [program, ...args], {
    cwd: join(folder, 'platforms'),
    encoding: 'utf8',
    env: environment(join(folder, 'bin')),
    timeout: limitMs,
  })
const left = () => readdirSync(join(folder, 'platforms')).sort()

/** A program of a platform, run in it. */
const runIn =
  (platform: string) =>
  (command: string, ...args: string[]): string => {
    const cwd = join(folder, 'platforms', platform)
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      env: environment(join(cwd, 'node_modules/.bin')),
      timeout: limitMs,
      maxBuffer: maxOutputBytes,
      stdio: 'pipe',
    })
  }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'create-test-'))
  const packed = execFileSync(process.execPath, [join(root, 'tools/scaffold/src/create/pack.ts'), folder])
  const install = ['install', '--prefix', folder, '--offline', '--no-audit', '--no-fund', packed.toString().trim()]
  execFileSync('npm', install, { cwd: folder, stdio: 'pipe' })
  program = join(folder, 'node_modules/.bin/create-armature')
  mkdirSync(join(folder, 'platforms'))
  writeFileSync(join(folder, 'gitconfig'), '[user]\nname = a\nemail = a@b.c\n')
  putNpm(linkingNpm)
}, limitMs)
afterAll(() => rmSync(folder, { recursive: true, force: true }), limitMs)

describe('what cannot be is refused, and nothing is left behind', () => {
  test.each([
    [['shop', '--yes', '--name=Shop'], 'The name "Shop" is no DNS label'],
    [['shop', '--yes', '--scope=shop'], 'The scope "shop" is no scope of npm'],
    [['shop', '--yes', '--services=search'], 'There is no service "search"'],
    [['shop', '--yes', '--brokers=mqtt'], 'There is no broker "mqtt"'],
    [['shop'], 'Nobody can be asked, since this is no terminal, and --name is not given'],
    [['none/shop', '--yes'], `none: make it, or choose another place`],
    [['shop', '--yess'], "Unknown option '--yess'"],
  ])('%j', (args, problem) => {
    const { status, stderr } = create(...args)
    expect(stderr).toContain(problem)
    expect(status).toBe(64)
    expect(left()).toEqual([])
  })

  test('a folder that is not empty, and a file', () => {
    const place = join(folder, 'platforms/shop')
    mkdirSync(place)
    writeFileSync(join(place, 'mine'), '')
    expect(create('shop', '--yes')).toMatchObject({ status: 64, stderr: expect.stringContaining('is not empty') })
    expect(create('shop/mine', '--yes')).toMatchObject({ status: 64, stderr: expect.stringContaining('is no folder') })
    expect(readdirSync(place)).toEqual(['mine'])
    rmSync(place, { recursive: true })
  })

  test('a name that the template uses for something else', { timeout: limitMs }, () => {
    const { status, stderr } = create('search', '--yes')
    expect(stderr).toContain('The name "search" stands for something else already')
    expect(status).toBe(69)
    expect(left()).toEqual([])
  })

  test('packages that cannot be installed', { timeout: limitMs }, () => {
    putNpm('echo no such registry >&2; exit 1')
    const { status, stderr } = create('shop', '--yes')
    putNpm(linkingNpm)
    expect(stderr).toContain('no such registry\nnpm ci ended with 1. Check the network')
    expect(status).toBe(69)
    expect(left()).toEqual([])
  })

  test('a run that is interrupted', { timeout: limitMs }, async () => {
    putNpm('touch begun; exec sleep 600')
    const cwd = join(folder, 'platforms')
    const child = spawn(process.execPath, [program, 'shop', '--yes'], { cwd, env: environment(join(folder, 'bin')) })
    const ended = new Promise((resolve) => child.once('close', resolve))
    try {
      await vi.waitFor(() => expect(left().flatMap((name) => readdirSync(join(cwd, name)))).toContain('begun'), 60_000)
      child.kill('SIGTERM')
      expect(await ended).toBe(130)
    } finally {
      child.kill('SIGKILL')
      putNpm(linkingNpm)
    }
    expect(left()).toEqual([])
  })
})

const projects = 'tools/test/src/projects.config.ts'

describe('the full choice', () => {
  const run = runIn('acme-platform')
  beforeAll(() => {
    const { status, stdout, stderr } = create('acme-platform', '--scope=@acme', '--yes')
    expect(stderr + stdout).toContain('cd acme-platform\n  npm start')
    expect(status).toBe(0)
  }, limitMs)
  afterAll(() => rmSync(join(folder, 'platforms/acme-platform'), { recursive: true, force: true }), limitMs)

  test('has no word of the old name but in what was done before, and is committed', () => {
    const isKept = (path: string) => path === '' || /^(?:CHANGELOG\.md|LICENSE|NOTICE)$/.test(path)
    const paths = run('git', 'ls-files', '-z')
      .split('\0')
      .filter((path) => !isKept(path))
    const old = paths.filter((path) => {
      try {
        return (
          /armature/i.test(path) ||
          /armature/i.test(readFileSync(join(folder, 'platforms/acme-platform', path), 'latin1'))
        )
      } catch {
        // A link to a folder.
        return false
      }
    })
    expect(paths.length).toBeGreaterThan(1_000)
    expect(old).toEqual([])
    expect(run('git', 'status', '--porcelain')).toBe('')
    expect(run('git', 'log', '--format=%s')).toBe('chore: begin\n')
  })

  test('keeps its style and its contracts, and a service can be built and linted', { timeout: limitMs }, () => {
    run('vitest', 'run', '--root=tools/tidy', 'test/tree.test.ts')
    run('node', 'tools/contract/src/main.ts', 'check')
    run('node', 'tools/bundle/src/main.ts', 'reactor')
    run('eslint', '--max-warnings=0', 'apps/reactor')
  })

  test('passes its tests that need no server', { timeout: limitMs }, () => {
    const paths = [
      'libs/messaging/src',
      'libs/messaging-memory',
      'libs/messaging-kit',
      'libs/search-api',
      'apps/reactor/src',
    ]
    run('vitest', 'run', '--config', projects, '--maxWorkers=1', '--testTimeout=60000', ...paths)
  })
})

describe('the smallest choice', () => {
  const run = runIn('tiny')
  beforeAll(() => {
    const { status, stderr } = create(
      'tiny',
      '--name=tiny-shop',
      '--scope=@tiny',
      '--services=reactor',
      '--brokers=nats',
    )
    expect(stderr).toContain('Making it tiny-shop')
    expect(status).toBe(0)
  }, limitMs)
  afterAll(() => rmSync(join(folder, 'platforms/tiny'), { recursive: true, force: true }), limitMs)

  test('has one service and one broker', () => {
    const textOf = (path: string) => readFileSync(join(folder, 'platforms/tiny', path), 'utf8')
    expect(readdirSync(join(folder, 'platforms/tiny/apps'))).toEqual(['reactor'])
    expect(JSON.parse(textOf('package.json'))).toMatchObject({
      scripts: { start: 'exec node apps/reactor/src/main.ts' },
    })
    expect(textOf('helm/platform/values.yaml')).toMatch(/\n {2}kafka:\n.*\n {4}mode: disabled\n/)
    expect(textOf('helm/platform/values.yaml')).not.toContain('.Release.Name }}-kafka')
    expect(run('git', 'status', '--porcelain')).toBe('')
  })

  test('has a chart that Helm renders', { timeout: limitMs }, async () => {
    const args = ['template', 'platform', 'helm/platform', '--kube-version', '1.34.0']
    expect(run(await helm(), ...args)).toContain('name: platform-reactor')
  })

  test(
    'keeps its style and its contracts, and its service can be built, linted and tested',
    { timeout: limitMs },
    () => {
      run('vitest', 'run', '--root=tools/tidy', 'test/tree.test.ts')
      run('node', 'tools/contract/src/main.ts', 'check')
      run('node', 'tools/bundle/src/main.ts', 'reactor')
      run('eslint', '--max-warnings=0', 'apps/reactor')
      run(
        'vitest',
        'run',
        '--config',
        projects,
        '--maxWorkers=1',
        '--testTimeout=60000',
        'apps/reactor/src',
        'libs/consumer',
      )
    },
  )

  test('bug: no service could be generated in it', { timeout: limitMs }, () => {
    run('nx', 'g', '@tiny/scaffold:service', 'billing', '--api=grpc', '--publishes=nats:orders')
    run('vitest', 'run', '--root=apps/billing', '--testTimeout=60000')
    expect(run('git', 'status', '--porcelain')).toContain('?? apps/billing/')
  })
})

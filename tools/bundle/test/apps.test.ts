import { grpcurl } from '@armature/servers/clients'
import { execute } from '@armature/servers/execute'
import { freePort } from '@armature/servers/free-port'
import { startProgram, type Program } from '@armature/servers/program'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { type Bundle, bundle, embeddedOnly } from '../src/bundle.ts'

const workspace = join(import.meta.dirname, '../../..')
const limitMs = 120_000
const installLimitMs = 600_000

type Manifest = {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly nx?: { readonly targets?: Readonly<Record<string, { readonly command?: string }>> }
}
const manifestOf = (app: string, folder = 'apps'): Manifest =>
  JSON.parse(readFileSync(join(workspace, folder, app, 'package.json'), 'utf8')) as Manifest
const builtIn = (folder: string) =>
  readdirSync(join(workspace, folder)).filter(
    (name) =>
      existsSync(join(workspace, folder, name, 'src/main.ts')) &&
      manifestOf(name, folder).nx?.targets?.['build'] !== undefined,
  )
const apps = builtIn('apps')
/** Command-line programs. */
const programs = builtIn('tools')
const grpcApps = apps.filter((app) =>
  readFileSync(join(workspace, 'apps', app, 'src/config.ts'), 'utf8').includes('grpcPort'),
)

/** Packages that an app must not load unless it names them: drivers, databases, the OTel SDK. */
const heavy = /^(@opentelemetry\/(?!api$).*|@electric-sql\/.*|kafkajs|amqplib|@nats-io\/.*|nats|ioredis|pg|consul)$/

/** The flags that an app needs to start by itself: those that `nx serve` gives it. */
const neededBy = (app: string): string[] => {
  const [, flags = ''] = (manifestOf(app).nx?.targets?.['serve']?.command ?? '').split('src/main.ts')
  return flags.split(' ').filter((flag) => flag !== '')
}

const rooms = new Map<string, Promise<{ room: string; built: Bundle }>>()
let program: Program | undefined

/** The bundle of an app or a program in a folder with nothing beside it but the one thing that a laptop has: the embedded database. */
const bundled = (app: string, folder = programs.includes(app) ? 'tools' : 'apps') => {
  const known = rooms.get(app)
  if (known !== undefined) return known
  const make = async () => {
    const room = await mkdtemp(join(tmpdir(), `bundle-${app}-`))
    await mkdir(join(room, 'node_modules/@electric-sql'), { recursive: true })
    for (const name of embeddedOnly) {
      await symlink(join(workspace, 'node_modules', name), join(room, 'node_modules', name))
    }
    return { room, built: await bundle(join(workspace, folder, app), join(room, 'dist')) }
  }
  const made = make()
  rooms.set(app, made)
  return made
}

const start = async (app: string, ...args: string[]): Promise<Program> => {
  const { room } = await bundled(app)
  program = startProgram(process.execPath, [join(room, 'dist/main.js'), ...args], { cwd: room })
  return program
}

afterEach(() => program?.kill())
afterAll(async () => {
  for (const made of rooms.values())
    await made.then(
      ({ room }) => rm(room, { recursive: true, force: true }),
      () => undefined,
    )
})

describe.each(apps)('the bundle of %s', (app) => {
  test('starts outside the checkout, is alive, and drains on SIGTERM', { timeout: limitMs }, async () => {
    const running = await start(app, ...neededBy(app))
    const [, admin = ''] = await running.until(/admin\s+(http:\S+)/, limitMs)
    expect((await fetch(`${admin}/livez`)).status).toBe(200)
    expect((await fetch(`${admin}/metrics`)).status).toBe(200)
    running.signal('SIGTERM')
    expect(await running.ended(limitMs)).toEqual({ code: 0, signal: null })
  })

  test('tells its version and its flags', { timeout: limitMs }, async () => {
    const version = await start(app, '--version')
    expect(await version.ended(limitMs)).toMatchObject({ code: 0 })
    expect(version.output()).toMatch(/^[a-z-]+ \d+\.\d+\.\d+\n$/)
    const help = await start(app, '--help')
    expect(await help.ended(limitMs)).toMatchObject({ code: 0 })
    expect(help.output()).toContain('--log-level')
  })

  test(
    'loads no driver at the start that was not named, and has no embedded database',
    { timeout: limitMs },
    async () => {
      const { built } = await bundled(app)
      expect(built.packagesAtStart).toContain('zod')
      expect(built.packagesAtStart.filter((name) => heavy.test(name))).toEqual([])
      expect(built.packages.filter((name) => embeddedOnly.includes(name))).toEqual([])
    },
  )
})

test.each(programs)('the bundle of %s tells its commands outside the checkout', { timeout: limitMs }, async (name) => {
  const help = await start(name, '--help')
  expect(await help.ended(limitMs)).toMatchObject({ code: 0 })
  expect(help.output()).toMatch(/^Usage: armature[a-z-]* COMMAND/)
})

test(
  'the bundle of cli loads the client of Kubernetes when a command asks a cluster',
  { timeout: limitMs },
  async () => {
    const { built, room } = await bundled('cli')
    const client = ['@kubernetes/client-node', 'undici']
    expect(built.packages).toEqual(expect.arrayContaining(client))
    expect(built.packagesAtStart.filter((name) => client.includes(name) || heavy.test(name))).toEqual([])
    const kubeconfig = join(room, 'kubeconfig')
    const cluster = { server: `https://127.0.0.1:${await freePort()}` }
    const contexts = [{ name: 'a', context: { cluster: 'a', user: 'a' } }]
    const config = {
      'current-context': 'a',
      clusters: [{ name: 'a', cluster }],
      users: [{ name: 'a', user: {} }],
      contexts,
    }
    await writeFile(kubeconfig, JSON.stringify(config))
    const flags = ['-n', 'a', '--secret', 'a', '--generate', 'a=32', '--timeout', '5s', '--kubeconfig', kubeconfig]
    const program = await start('cli', 'secrets', 'ensure', ...flags)
    expect(await program.ended(limitMs), program.output()).toMatchObject({ code: 69 })
    expect(program.output()).toContain('connect ECONNREFUSED 127.0.0.1:')
  },
)

test.runIf(programs.includes('search'))(
  'bug: things could not be imported from a container: armature-search had no bundle',
  { timeout: limitMs },
  async () => {
    const program = await start('search', 'import', '--database-url=postgres://nobody@127.0.0.1:1/none', '-')
    expect(await program.ended(limitMs), program.output()).toMatchObject({ code: 69 })
    expect(program.output()).toContain('127.0.0.1:1')
  },
)

test.each(grpcApps)(
  'the bundle of %s answers health and reflection over gRPC',
  { timeout: installLimitMs },
  async (app) => {
    const client = await grpcurl()
    const running = await start(app, ...neededBy(app))
    const [, address = ''] = await running.until(/gRPC\s+(\S+:\d+)/, limitMs)
    const ask = (...args: string[]) => execute(client, ['-plaintext', ...args], { deadlineMs: limitMs })
    const listed = (await ask(address, 'list')).trim().split('\n')
    expect(listed).toContain('grpc.health.v1.Health')
    const own = listed.filter((service) => !service.startsWith('grpc.'))
    expect(own).not.toEqual([])
    for (const service of own) expect(await ask(address, 'list', service)).toContain(`${service}.`)
    expect(await ask(address, 'grpc.health.v1.Health/Check')).toContain('"SERVING"')
  },
)

test('there are bundles to test', () => {
  expect(apps).not.toEqual([])
  expect(programs).not.toEqual([])
})

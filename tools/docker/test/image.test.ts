import { type Bundle, bundle } from '@armature/bundle/bundle'
import { bundledProjects, workspace } from '@armature/bundle/projects'
import { aptInstall } from '@armature/servers/apt'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Engine, findEngine } from '../src/engine.ts'
import { buildImage, type ImageOptions, imageTag } from '../src/image.ts'

const limitMs = 180_000
const version = `0.0.0-test.${process.pid}`
/** What is only looked at has a base without Node: each image is a copy of its base for some engines. */
const bases = { node: `armature-test/node24:${version}`, empty: `armature-test/empty:${version}` }
const origin = { committedAt: new Date('2026-01-02T03:04:05Z'), revision: 'abc123', source: 'https://git.example/a' }
const projects = bundledProjects.map(({ project, manifest }) => ({
  project,
  released: manifest.version,
  manifest: { ...manifest, version },
}))
const reactor = projects.find(({ project }) => project === 'apps/reactor')!

let engine: Engine
let root: string

const run = (program: string, ...args: string[]) => execute(program, args, { deadlineMs: limitMs })

beforeAll(async () => {
  engine = await findEngine().catch(async () => {
    await aptInstall('buildah', 'install docker or buildah')
    return findEngine('buildah')
  })
  root = await mkdtemp(join(tmpdir(), 'images-'))
  await buildBases()
}, serverDeadlineMs)

afterAll(async () => {
  for (const one of [...ids, ...Object.values(bases)])
    await run(engine.name, 'rmi', '--force', one).catch(() => undefined)
  await rm(root, { recursive: true, force: true })
}, limitMs)

/** A base like the distroless one: this Node, the libraries that it needs, nothing else. */
const buildBases = async () => {
  const context = join(root, 'base')
  const put = async (from: string, to: string) => {
    await mkdir(dirname(join(context, 'root', to)), { recursive: true })
    await cp(from, join(context, 'root', to), { dereference: true })
  }
  await put(process.execPath, '/nodejs/bin/node')
  const libraries = (await run('ldd', process.execPath)).matchAll(/(\/\S+\.so\S*)/g)
  for (const [, path = ''] of libraries) await put(path, path)
  const dockerfile = join(context, 'Dockerfile')
  const build = { dockerfile, context, args: {}, labels: {}, epochSeconds: 0, idFile: join(context, 'id') }
  await writeFile(dockerfile, 'FROM scratch\nCOPY root/ /\n')
  await engine.build({ ...build, tag: bases.node })
  await writeFile(dockerfile, 'FROM scratch\nCOPY Dockerfile /\n')
  await engine.build({ ...build, tag: bases.empty })
}

const bytesBelow = async (folder: string) => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => stat(join(parentPath, name)))
  return (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0)
}

type ImageConfig = {
  readonly created: string
  readonly config: {
    readonly User: string
    readonly WorkingDir: string
    readonly Env: readonly string[]
    readonly Entrypoint: readonly string[]
    readonly Cmd?: readonly string[]
    readonly StopSignal: string
    readonly Labels: Readonly<Record<string, string>>
  }
}

/** The parts of an image: its config, its files in a folder, and the lines of `tar` of its last layer. */
const opened = async (tag: string) => {
  const room = await mkdtemp(join(root, 'opened-'))
  const file = join(room, 'image.tar')
  await engine.save(tag, file)
  await run('tar', '-xf', file, '-C', room)
  await rm(file)
  const [manifest] = JSON.parse(await readFile(join(room, 'manifest.json'), 'utf8')) as {
    Config: string
    Layers: string[]
  }[]
  const { Config, Layers } = manifest!
  const config = JSON.parse(await readFile(join(room, Config), 'utf8')) as ImageConfig
  const files = join(room, 'files')
  await mkdir(files)
  for (const layer of Layers) await run('tar', '-xf', join(room, layer), '-C', files)
  const added = (await run('tar', '-tvf', join(room, Layers.at(-1)!), '--numeric-owner')).trim().split('\n')
  return { files, added, ...config }
}

const bundles = new Map<string, Promise<Bundle>>()

/** The folder of the project's bundle, which is made once. */
const bundled = async (project: string) => {
  const made = bundles.get(project) ?? bundle(join(workspace, project), join(root, project, 'dist'))
  bundles.set(project, made)
  return (await made).folder
}

const ids = new Set<string>()
const image = async (options: ImageOptions) => {
  const built = await buildImage(reactor, options)
  ids.add(built.id)
  return built
}
const optionsFor = (base: string) => ({ root, engine, origin, base, license: 'Apache-2.0' })

test('has a user without rights, labels, the bundle and nothing else', { timeout: limitMs }, async () => {
  await bundled(reactor.project)
  const { tag } = await image(optionsFor(bases.empty))
  const { added, created, config } = await opened(tag)
  expect(config).toMatchObject({
    User: '65532:65532',
    WorkingDir: '/app',
    Entrypoint: ['node', '--enable-source-maps', '/app/main.js'],
    StopSignal: 'SIGTERM',
  })
  expect(config.Cmd ?? []).toEqual([])
  expect(config.Env).toContain('NODE_ENV=production')
  expect(config.Labels).toEqual({
    'org.opencontainers.image.title': 'reactor',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.created': '2026-01-02T03:04:05.000Z',
    'org.opencontainers.image.revision': 'abc123',
    'org.opencontainers.image.source': 'https://git.example/a',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.base.name': bases.empty,
  })
  expect(new Date(created)).toEqual(origin.committedAt)
  // Of root, and written by nobody else.
  for (const line of added) expect(line).toMatch(/^(drwxr-xr-x|-rw-r--r--) 0\/0 .* app\//)
  expect(added.filter((line) => line.endsWith(' app/main.js'))).toHaveLength(1)
})

// Only root may change the root folder of a process.
test.runIf(process.getuid?.() === 0)(
  'starts as that user, from its own files alone',
  { timeout: limitMs },
  async () => {
    await bundled(reactor.project)
    const { tag } = await image(optionsFor(bases.node))
    const { files, config } = await opened(tag)
    const inside = ['--userspec=65532:65532', files, '/nodejs/bin/node', ...config.Entrypoint.slice(1), '--version']
    const output = await execute('chroot', inside, { deadlineMs: limitMs, env: { PATH: process.env['PATH'] } })
    expect(output).toBe(`reactor ${reactor.released}\n`)
    expect(config.Env.join('\n')).toMatch(/^PATH=\/nodejs\/bin:/m)
  },
)

/** Those that may add more than a tenth to their base: the client of Kubernetes has a class for each of its objects; mail, OTLP and RE2. */
const largerParts = new Map([
  ['tools/cli', 0.2],
  ['apps/alert-monitor', 0.12],
])
test.each(projects.map(({ project }) => [project, largerParts.get(project) ?? 0.1] as const))(
  'of %s is larger than its base by at most a part of %d',
  { timeout: limitMs },
  async (project, part) => {
    const base = await bytesBelow(join(root, 'base/root'))
    expect(base).toBeGreaterThan(50_000_000)
    expect(await bytesBelow(await bundled(project))).toBeLessThanOrEqual(base * part)
  },
)

test('is the same for the same bundle, whatever times and modes its files have', { timeout: limitMs }, async () => {
  const dist = await bundled(reactor.project)
  const { id } = await image(optionsFor(bases.empty))
  await bundle(join(workspace, reactor.project), dist)
  const other = { ...optionsFor(bases.empty), root: await mkdtemp(join(root, 'other-')) }
  const copy = join(other.root, reactor.project, 'dist')
  await cp(dist, copy, { recursive: true })
  await chmod(join(copy, 'main.js'), 0o600)
  await utimes(join(copy, 'main.js'), 1, 1)
  expect((await image(other)).id).toBe(id)
  await writeFile(join(copy, 'main.js'), '')
  expect((await image(other)).id).not.toBe(id)
})

test('a project that was not built has no image', async () => {
  const options = { ...optionsFor(bases.empty), root: join(root, 'none') }
  await expect(image(options)).rejects.toThrow('run npx nx build reactor')
})

test('the images are named by app, and by command', () => {
  const names = bundledProjects.map((one) => imageTag({ ...one, manifest: { ...one.manifest, version: '1.2.3' } }))
  expect(names).toEqual(expect.arrayContaining(['armature/reactor:1.2.3', 'armature/armature:1.2.3']))
  if (existsSync(join(workspace, 'tools/search'))) expect(names).toContain('armature/armature-search:1.2.3')
})

test('all that can be built has an image', () => {
  for (const { project, manifest } of bundledProjects) expect(manifest.nx?.targets, project).toHaveProperty('image')
})

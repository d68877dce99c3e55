import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { BundledProject } from '@armature/bundle/projects'
import type { Engine } from './engine.ts'
import type { Origin } from './origin.ts'

const dockerfile = join(import.meta.dirname, '../Dockerfile')

export interface Image {
  /** `armature/reactor:1.2.3` */
  readonly tag: string
  /** `sha256:...`, the same for the same bundle, base and commit. */
  readonly id: string
}

export interface ImageOptions {
  /** The folder that holds `apps/` and `tools/`. */
  readonly root: string
  readonly engine: Engine
  readonly origin: Origin
  /** An image with Node 24. Default: the Dockerfile's. */
  readonly base?: string | undefined
  /** SPDX expression of the workspace's licence. */
  readonly license: string
}

/** The name of a project's image: an app's folder, or the command of a program, below `armature/`. */
export const imageTag = ({ project, manifest: { bin = {}, version } }: BundledProject): string =>
  `armature/${Object.keys(bin)[0] ?? basename(project)}:${version}`

/**
 * Builds the image of a project from its bundle. The same bundle, base and commit give the same image, wherever and whenever it is built. Rejects where the
 * project was not built.
 */
export const buildImage = async (bundled: BundledProject, options: ImageOptions): Promise<Image> => {
  const { project, manifest } = bundled
  const { root, engine, origin, license, base = await baseOf(dockerfile) } = options
  const dist = join(root, project, 'dist')
  await stat(join(dist, 'main.js')).catch((cause: unknown) => {
    throw new Error(`${project}/dist has no bundle: run npx nx build ${basename(project)}`, { cause })
  })
  const tag = imageTag(bundled)
  const room = await mkdtemp(join(tmpdir(), 'image-'))
  try {
    const context = join(room, 'context')
    await stage(dist, join(context, project, 'dist'), origin.committedAt)
    const idFile = join(room, 'id')
    await engine.build({
      ...{ dockerfile, context, tag, idFile },
      args: { APP: basename(project), FOLDER: dirname(project), BASE: base },
      labels: labelsOf({ tag, version: manifest.version, license, base, origin }),
      epochSeconds: origin.committedAt.getTime() / 1000,
    })
    return { tag, id: (await readFile(idFile, 'utf8')).trim() }
  } finally {
    await rm(room, { recursive: true, force: true })
  }
}

/** The default of the argument BASE. */
const baseOf = async (path: string): Promise<string> => {
  const [, base] = /^ARG BASE=(\S+)$/m.exec(await readFile(path, 'utf8')) ?? []
  if (base === undefined) throw new Error(`${path} has no line ARG BASE=IMAGE`)
  return base
}

interface Labelled {
  readonly tag: string
  readonly version: string
  readonly license: string
  readonly base: string
  readonly origin: Origin
}

/** The labels of the OCI image specification. */
const labelsOf = ({ tag, version, license, base, origin }: Labelled): Record<string, string> => {
  const { committedAt, revision, source } = origin
  const labels = {
    title: tag.slice(tag.indexOf('/') + 1, tag.lastIndexOf(':')),
    version,
    created: committedAt.toISOString(),
    licenses: license,
    'base.name': base,
    ...(revision === undefined ? {} : { revision }),
    ...(source === undefined ? {} : { source }),
  }
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`org.opencontainers.image.${key}`, value]))
}

/** Copies the bundle with one time, and modes by which anyone may read it: no umask and no checkout changes the image. */
const stage = async (from: string, to: string, time: Date): Promise<void> => {
  await mkdir(dirname(to), { recursive: true })
  await cp(from, to, { recursive: true })
  const entries = await readdir(to, { recursive: true, withFileTypes: true })
  // Folders behind what is in them, which changes their time.
  const paths = entries.map((entry) => ({ path: join(entry.parentPath, entry.name), isFolder: entry.isDirectory() }))
  for (const { path, isFolder } of [{ path: to, isFolder: true }, ...paths].reverse()) {
    await chmod(path, isFolder ? 0o755 : 0o644)
    await utimes(path, time, time)
  }
}

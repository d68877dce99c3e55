import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cacheFolder } from '@armature/config/process'
import { type Database, DatabaseError, sqlStates } from './database.ts'
import { withLock } from './lock.ts'
import { ownedFolder } from './owned-folder.ts'
import { notInstalled, openFolder } from './pglite.ts'

/** The files that embedded databases start from. */
export interface Template {
  /** Letters, digits, `_` and `-`. */
  readonly name: string
  /** Changes whenever what `build` makes changes: letters, digits, `_`, `-` and `.`. */
  readonly version: string
  /** Fills a database that has PostGIS and no tables. Nothing is kept of a build that rejects. */
  readonly build: (database: Database) => Promise<void>
}

export interface TemplateOptions {
  /** The folder in which templates are kept. Default: `databases` in the user's cache folder. */
  cache?: string
  /** Called with one line about each long step. Default: prints to standard error. */
  onProgress?: (line: string) => void
}

const buildDeadlineMs = 300_000
const unusedAfterMs = 30 * 24 * 3_600_000

/** The base of all templates: PostGIS and no tables. The version is that of the way it is made. */
const base: Template = {
  name: 'postgis',
  version: '1',
  build: async (database) => void (await database.query('create extension postgis')),
}

/** The folder of an empty database with PostGIS, as `prepareTemplate`. */
export const preparePostgis = (options: TemplateOptions = {}): Promise<string> =>
  kept(base, options, (draft) => filled(draft, base))

/**
 * The folder of a ready database, for embedded databases to copy; it is never opened itself. Made when it is missing, once even
 * when several processes ask at the same time; a build that was cut off leaves nothing that looks whole. Another version, of
 * the template or of PGlite, is another folder; folders that no one used for 30 days are removed. Rejects with DatabaseError.
 */
export const prepareTemplate = (template: Template, options: TemplateOptions = {}): Promise<string> =>
  kept(template, options, async (draft) => {
    cpSync(await preparePostgis(options), draft, { recursive: true })
    await filled(draft, template)
  })

const filled = async (folder: string, { build }: Template): Promise<void> => {
  const database = await openFolder(folder)
  try {
    await build(database)
  } finally {
    await database.close()
  }
}

const kept = async (
  { name, version }: Template,
  { cache = join(cacheFolder(), 'databases'), onProgress = say }: TemplateOptions,
  make: (draft: string) => Promise<void>,
): Promise<string> => {
  if (!/^[\w-]+$/.test(name) || !/^[\w.-]+$/.test(version)) {
    throw new DatabaseError(
      `template '${name}' version '${version}' holds other characters than letters, digits, _ - .`,
      {
        code: sqlStates.invalidParameter,
      },
    )
  }
  const folder = join(cache, `${name}-${version}-${engineVersion()}`)
  if (isThere(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const onWait = (): void => onProgress(`database template '${name}': another process makes it, waiting`)
  return withLock(`${folder}.lock`, { deadlineMs: buildDeadlineMs, onWait }, async () => {
    if (isThere(folder)) return folder
    removeUnused(cache)
    onProgress(`database template '${name}': making it once, this takes some seconds`)
    const draft = ownedFolder(cache, 'draft')
    try {
      await make(draft.path)
      moveIntoPlace(draft.path, folder)
      return folder
    } finally {
      draft.remove()
    }
  })
}

/** The other of two processes that built the same may have been first. */
const moveIntoPlace = (draft: string, folder: string): void => {
  try {
    renameSync(draft, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

/** If it is, it now counts as used. */
const isThere = (folder: string): boolean => {
  if (!existsSync(folder)) return false
  try {
    utimesSync(folder, new Date(), new Date())
  } catch {
    // A cache that cannot be written to can still be read.
  }
  return true
}

const removeUnused = (cache: string): void => {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name)
    const entry = statSync(path, { throwIfNoEntry: false })
    if (entry?.isDirectory() !== true || Date.now() - entry.mtimeMs < unusedAfterMs) continue
    rmSync(path, { recursive: true, force: true })
  }
}

/** The files of one version are not for another. */
const engineVersion = (): string => {
  const { resolve } = createRequire(import.meta.url)
  const versionOf = (name: string): string => {
    const manifest = join(dirname(resolve(name)), '..', 'package.json')
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
  }
  try {
    return `pglite-${versionOf('@electric-sql/pglite')}-${versionOf('@electric-sql/pglite-postgis')}`
  } catch (error) {
    throw notInstalled(error) ?? error
  }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

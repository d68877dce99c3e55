import { type BigIntStats, statSync } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Warnings } from './warnings.ts'

export interface FoundFile {
  readonly path: string
  readonly identity: Identity
}

/** The file system's answer about a file. */
export interface Identity {
  /** Device and inode: the same for all names of a file, and another file's after it was removed. */
  readonly key: string
  /** When it was made, where the file system tells: another one for another file, also where that has the inode of a removed one. */
  readonly born?: string | undefined
  readonly sizeBytes: number
  readonly modifiedNs: bigint
}

/** Undefined for a folder, a pipe, a device. */
export const identityOf = (stats: BigIntStats): Identity | undefined =>
  stats.isFile()
    ? {
        key: `${stats.dev}:${stats.ino}`,
        born: bornOf(stats),
        sizeBytes: Number(stats.size),
        modifiedNs: stats.mtimeNs,
      }
    : undefined

/** Undefined where it is not known: a file system that has no such times gives 0. */
const bornOf = ({ birthtimeNs, ctimeNs }: BigIntStats): string | undefined =>
  birthtimeNs === 0n || (birthtimeNs === ctimeNs && !hasBirths()) ? undefined : String(birthtimeNs)

let births: boolean | undefined

/** Whether the system has times of birth. One that has none gives that of the last change, also for Node itself, which was changed since. */
const hasBirths = (): boolean => {
  if (births === undefined) {
    const { birthtimeNs, ctimeNs } = statSync(process.execPath, { bigint: true })
    births = birthtimeNs !== 0n && birthtimeNs !== ctimeNs
  }
  return births
}

/** The device of a key. */
export const deviceOf = (key: string): string => key.slice(0, key.indexOf(':'))

export interface FileFinder {
  /** The files that the globs match now, by absolute paths, each once, whatever names and symbolic links lead to it. In order of path within a glob. */
  find(): Promise<readonly FoundFile[]>
}

export interface FileFinderOptions {
  readonly globs: readonly string[]
  /** Names beyond so many are left out. */
  readonly maxFiles: number
  readonly warnings: Pick<Warnings, 'tell'>
  /** A file matches, but cannot be looked at. */
  readonly onUnreadable: (path: string, error: unknown) => void
}

/** So many files are looked at together. */
const looksAtOnce = 32

/** Finds files by globs as Node has them, or by the very name of one. */
export const createFileFinder = ({ globs, maxFiles, warnings, onUnreadable }: FileFinderOptions): FileFinder => {
  const identify = async (path: string): Promise<Identity | undefined> => {
    try {
      return identityOf(await stat(path, { bigint: true }))
    } catch (error) {
      // It has gone since, or the link leads nowhere yet.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onUnreadable(path, error)
      return undefined
    }
  }

  const pathsOf = async (pattern: string, room: number): Promise<readonly string[]> => {
    const paths: string[] = []
    for await (const path of glob(pattern)) {
      if (paths.length >= room) {
        warnings.tell(`more than ${maxFiles} files match: those beyond are not read, give narrower globs`)
        break
      }
      paths.push(path)
    }
    return paths.sort()
  }

  const matchesOf = async (pattern: string, room: number): Promise<readonly FoundFile[]> => {
    // A name may hold what means something in a glob.
    const named = await stat(pattern).catch(() => undefined)
    const paths = named?.isFile() === true ? [pattern] : await pathsOf(pattern, room)
    const files: FoundFile[] = []
    for (let first = 0; first < paths.length; first += looksAtOnce) {
      const some = paths.slice(first, first + looksAtOnce)
      const identities = await Promise.all(some.map(identify))
      for (const [index, path] of some.entries()) {
        const identity = identities[index]
        if (identity !== undefined) files.push({ path, identity })
      }
    }
    if (files.length === 0) warnings.tell(`no file matches ${pattern} yet`)
    return files
  }

  return {
    find: async () => {
      const found = new Map<string, FoundFile>()
      for (const pattern of globs.map((each) => resolve(each))) {
        for (const file of await matchesOf(pattern, maxFiles - found.size)) {
          if (!found.has(file.identity.key)) found.set(file.identity.key, file)
        }
      }
      return [...found.values()]
    },
  }
}

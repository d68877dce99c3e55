import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createFileOpener, type FileOpenerOptions } from './file-opener.ts'
import { type FileFinder, type FoundFile, identityOf, type Identity } from './find-files.ts'
import type { FollowedFile } from './followed-file.ts'

export interface Discovery {
  /** Looks for files, and opens those that have something to read. */
  scan(): Promise<Scan>
}

export interface Scan {
  /** Files that have something to read, but may not be opened while so many others are. */
  readonly waiting: number
  /** Files that cannot be read. */
  readonly unreadable: number
}

export interface DiscoveryOptions extends Omit<FileOpenerOptions, 'cannotRead'> {
  /** Makes the finder, which tells of a file that cannot be looked at. */
  readonly createFinder: (onUnreadable: (path: string, error: unknown) => void) => FileFinder
  /** Makes room for one more open file. Resolves to false where none is to be had. */
  readonly makeRoom: () => Promise<boolean>
  readonly isPassedOver: (key: string) => boolean
  /** All that could be opened was. */
  readonly onScanned: () => Promise<void>
}

/** Finds the files of the globs and opens them. */
export const createDiscovery = (options: DiscoveryOptions): Discovery => {
  const { createFinder, registry, clock, warnings, makeRoom, isPassedOver, onScanned } = options
  let unreadable = 0
  const cannotRead = (path: string, error: unknown) => {
    unreadable++
    warnings.tell(`${path} cannot be read: ${(error as Error).message}`)
  }
  const finder = createFinder(cannotRead)
  const opener = createFileOpener({ ...options, cannotRead })
  /** Files whose new name was looked for. */
  const soughtIds = new Set<string>()

  /** Notes what is there and what is not; the answer is what to open. */
  const compare = (found: readonly FoundFile[]) => {
    const { compressed, maybeCopies } = opener
    const keys = new Set(found.map(({ identity }) => identity.key))
    for (const file of registry.all()) if (!keys.has(file.key)) file.missingSinceMs ??= clock.now()
    for (const set of [compressed, maybeCopies]) for (const key of set.keys()) if (!keys.has(key)) set.delete(key)
    const known: FoundFile[] = []
    const unknown: FoundFile[] = []
    for (const each of found) {
      const { identity } = each
      const file = registry.at(identity.key)
      if (file !== undefined) {
        Object.assign(file, { missingSinceMs: undefined, isFinished: false })
        if (file.reader !== undefined) file.born ??= identity.born
        soughtIds.delete(file.id)
      }
      if (isPassedOver(identity.key) || compressed.has(identity.key)) continue
      if (file === undefined) unknown.push(each)
      else if (!isIdle(file, identity)) known.push(each)
    }
    return { known, unknown }
  }

  /** Opens, by the names they have now, files that were renamed to one that no glob matches before they were read to their end. */
  const seekRenamed = async (): Promise<void> => {
    const sought = [...registry.all()].filter((file) => isSought(file) && !soughtIds.has(file.id))
    for (const { id } of sought) soughtIds.add(id)
    for (const path of await findByKeys(sought)) if (await makeRoom()) await opener.openSought(path)
  }

  return {
    scan: async () => {
      unreadable = 0
      let waiting = 0
      const openAll = async (files: readonly FoundFile[]) => {
        for (const { path } of files) {
          if (await makeRoom()) await opener.openFound(path)
          else waiting++
        }
      }
      const { known, unknown } = compare(await finder.find())
      // The file that a new one may be a copy of, or follow upon, is to be open before.
      await openAll(known)
      await seekRenamed()
      await openAll(unknown)
      await onScanned()
      registry.forget(clock.now())
      if (waiting > 0) warnings.tell('more files have lines to read than may be open at once: some wait (maxOpenFiles)')
      warnings.nextRound()
      return { waiting, unreadable }
    },
  }
}

/** Whether there is nothing to read in a file that is found. */
const isIdle = ({ reader, closedAt }: FollowedFile, { sizeBytes, modifiedNs }: Identity): boolean =>
  reader !== undefined || (closedAt?.sizeBytes === sizeBytes && closedAt.modifiedNs === modifiedNs)

const isSought = ({ missingSinceMs, reader, isReplaced, isFinished }: FollowedFile): boolean =>
  missingSinceMs !== undefined && reader === undefined && !isReplaced && !isFinished

/** Names of a folder that are looked at. */
const maxNames = 10_000

/** The names that these files have by now in the folders where they were. */
const findByKeys = async (files: Iterable<FollowedFile>): Promise<readonly string[]> => {
  const keys = new Set([...files].map(({ key }) => key))
  const paths: string[] = []
  for (const folder of new Set([...files].map(({ target }) => dirname(target)))) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names.slice(0, maxNames)) {
      const path = join(folder, name)
      const stats = await stat(path, { bigint: true }).catch(() => undefined)
      const identity = stats && identityOf(stats)
      if (identity !== undefined && keys.has(identity.key)) paths.push(path)
    }
  }
  return paths
}

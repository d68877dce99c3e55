import { type FileHandle, open, realpath } from 'node:fs/promises'
import type { Clock } from '@armature/async/clock'
import { compressedName, compressionOf } from './compression.ts'
import { createFileReader, openFileReader } from './file-reader.ts'
import type { FileRegistry } from './file-registry.ts'
import { identityOf } from './find-files.ts'
import { readAt } from './fingerprint.ts'
import { type FollowedFile, newFile, type Place, readMark } from './followed-file.ts'
import type { Warnings } from './warnings.ts'

export interface FileOpener {
  /** Opens a file that was found: what is known is read on, else it is a new one. */
  openFound(path: string): Promise<void>
  /** Opens a file that no glob matches, if it holds what is known. */
  openSought(path: string): Promise<void>
  /** Compressed files, which are not read. */
  readonly compressed: Set<string>
  /** Files that may be copies in the making, and since when. */
  readonly maybeCopies: Map<string, number>
}

export interface FileOpenerOptions {
  readonly registry: FileRegistry
  readonly clock: Clock
  readonly maxLineBytes: number
  readonly warnings: Warnings
  readonly cannotRead: (path: string, error: unknown) => void
  /** How long an unknown file with the beginning of a known one is taken for a copy that is being made, in milliseconds. */
  readonly copyWaitMs: number
  readonly onOpened: (file: FollowedFile) => void
}

/** Opens files, and tells by what they hold which they are. */
export const createFileOpener = (options: FileOpenerOptions): FileOpener => {
  const { registry, clock, maxLineBytes, warnings, cannotRead, copyWaitMs, onOpened } = options
  const compressed = new Set<string>()
  const maybeCopies = new Map<string, number>()

  /** Resolves to false where the file does not hold what was read of it. */
  const readOn = async (handle: FileHandle, file: FollowedFile): Promise<boolean> => {
    file.reader = await openFileReader({ handle, mark: readMark(file), maxLineBytes, nowMs: clock.now() })
    if (file.reader === undefined) return false
    file.closedAt = undefined
    onOpened(file)
    return true
  }

  const begin = (handle: FileHandle, file: FollowedFile): true => {
    file.reader = createFileReader({ handle, mark: readMark(file), maxLineBytes, nowMs: clock.now() })
    onOpened(file)
    return true
  }

  /** Whether it may still turn out to be the copy of a file that is truncated afterwards. */
  const isMaybeCopy = (key: string): boolean => {
    const sinceMs = maybeCopies.get(key) ?? clock.now()
    maybeCopies.set(key, sinceMs)
    return clock.now() - sinceMs < copyWaitMs
  }

  /** One whose inode is not known. Resolves to false where it is not read, or not yet. */
  const openUnknown = async (handle: FileHandle, place: Place, sizeBytes: number): Promise<boolean> => {
    const compression = compressionOf(await readAt(handle, 0, 6))
    if (compression !== undefined) {
      compressed.add(place.key)
      // Rotation names them so. What has another name was meant to be read.
      if (!compressedName.test(place.path))
        warnings.tell(`${place.path} is not read: it is compressed (${compression})`)
      return false
    }
    const match = await registry.match(handle, place, { sizeBytes, nowMs: clock.now() })
    if (match?.isOrphan === true) {
      registry.move(match.file, place)
      return (await readOn(handle, match.file)) || begin(handle, registry.replace(match.file, clock.now()))
    }
    if (match !== undefined && isMaybeCopy(place.key)) return false
    const file = newFile(place)
    const elder = registry.openAs(place.path)
    if (elder?.reader !== undefined) file.elder = { file: elder, untilBytes: await elder.reader.sizeBytes() }
    registry.add(file)
    return begin(handle, file)
  }

  /** One whose inode is known, but may hold other contents by now. */
  const openKnown = async (
    handle: FileHandle,
    file: FollowedFile,
    place: Place,
    isSought: boolean,
  ): Promise<boolean> => {
    const mayBeSame = file.born === undefined || place.born === undefined || file.born === place.born
    file.target = place.target
    file.born = place.born ?? file.born
    if (mayBeSame && (await readOn(handle, file))) return true
    if (!isSought) return begin(handle, registry.replace(file, clock.now()))
    file.isReplaced = true
    return false
  }

  const openAt = async (path: string, isSought: boolean): Promise<void> => {
    let handle: FileHandle | undefined
    let isKept = false
    try {
      handle = await open(path, 'r')
      const identity = identityOf(await handle.stat({ bigint: true }))
      if (identity === undefined) return
      const { key, born, sizeBytes } = identity
      const known = registry.at(key)
      // It is open already by another name.
      if (known?.reader !== undefined) return
      const place = { path, target: await realpath(path).catch(() => path), key, born }
      if (known !== undefined) isKept = await openKnown(handle, known, place, isSought)
      else if (!isSought) isKept = await openUnknown(handle, place, sizeBytes)
    } catch (error) {
      // One that has gone since is none: the next scan sees what is there.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') cannotRead(path, error)
    } finally {
      if (!isKept) await handle?.close()
    }
  }

  return {
    openFound: (path) => openAt(path, false),
    openSought: (path) => openAt(path, true),
    compressed,
    maybeCopies,
  }
}

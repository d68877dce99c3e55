import type { FileHandle } from 'node:fs/promises'
import type { Checkpoint } from './checkpoints.ts'
import { deviceOf } from './find-files.ts'
import { holds, type Print, printBytes, printOf, readAt } from './fingerprint.ts'
import { checkpointOf, fileOf, type FollowedFile, newFile, type Place, readMark } from './followed-file.ts'

/** All files that are followed, or were and may come back. */
export interface FileRegistry {
  all(): Iterable<FollowedFile>
  readonly count: number
  /** The contents of the file of this device and inode, as far as they are known. */
  at(key: string): FollowedFile | undefined
  add(file: FollowedFile): void
  /** One that is open, and was found by the same name. */
  openAs(path: string): FollowedFile | undefined
  /** Other contents have taken the place of these: the answer stands for them. It has the reader, which is to begin anew. */
  replace(file: FollowedFile, nowMs: number): FollowedFile
  /** The contents are in another file now. */
  move(file: FollowedFile, place: Place): void
  /** Known contents that an unknown file begins with, which is found there. */
  match(
    handle: FileHandle,
    place: Place,
    found: { readonly sizeBytes: number; readonly nowMs: number },
  ): Promise<Match | undefined>
  /** Forgets those that have been missing for a day, and the longest missing beyond the bound. */
  forget(nowMs: number): void
  checkpoints(): readonly Checkpoint[]
}

export interface Match {
  readonly file: FollowedFile
  /** Its own file does not hold the contents any longer. Else the unknown file may be a copy that is made before a truncation. */
  readonly isOrphan: boolean
}

const forgottenAfterMs = 24 * 60 * 60 * 1000
const copyFoundWithinMs = 60_000

/** The files of the checkpoints, none of which has been found yet. */
export const createFileRegistry = (
  checkpoints: readonly Checkpoint[],
  { nowMs, maxMissing }: { readonly nowMs: number; readonly maxMissing: number },
): FileRegistry => {
  const files = new Set<FollowedFile>()
  const byKey = new Map<string, FollowedFile>()

  const add = (file: FollowedFile) => {
    files.add(file)
    if (!file.isReplaced) byKey.set(file.key, file)
  }
  const leave = (file: FollowedFile) => {
    if (byKey.get(file.key) === file) byKey.delete(file.key)
  }
  for (const checkpoint of checkpoints) add(fileOf(checkpoint, nowMs))

  return {
    all: () => files,
    get count() {
      return files.size
    },
    at: (key) => byKey.get(key),
    add,
    openAs: (path) => {
      let found: FollowedFile | undefined
      for (const file of files) if (file.reader !== undefined && file.path === path) found = file
      return found
    },
    replace: (file, now) => {
      const successor = newFile(file)
      successor.reader = file.reader
      successor.missingSinceMs = file.missingSinceMs
      file.lastRead = readMark(file)
      file.reader = undefined
      file.isReplaced = true
      file.missingSinceMs ??= now
      add(successor)
      return successor
    },
    move: (file, { target, key, born }) => {
      leave(file)
      Object.assign(file, { target, key, born, isReplaced: false, isFinished: false, missingSinceMs: undefined })
      add(file)
    },
    match: async (handle, place, found) => {
      const heads = createHeads(handle)
      let live: FollowedFile | undefined
      for (const file of files) {
        const { position, head, tail } = readMark(file)
        if (position === 0 || head.bytes > found.sizeBytes || !(await heads.begin(head))) continue
        const isOrphan = file.missingSinceMs !== undefined && file.reader === undefined
        const holdsAll = position <= found.sizeBytes && (await holds(handle, tail, position))
        if (isOrphan && holdsAll && mayMove(file, place, found.nowMs)) return { file, isOrphan }
        if (!isOrphan && (holdsAll || position > found.sizeBytes)) live = file
      }
      return live && { file: live, isOrphan: false }
    },
    forget: (now) => {
      const missing = [...files].filter(
        ({ missingSinceMs, reader }) => missingSinceMs !== undefined && reader === undefined,
      )
      const kept = missing
        .filter(({ missingSinceMs = now }) => now - missingSinceMs < forgottenAfterMs)
        .sort((one, other) => (other.missingSinceMs ?? now) - (one.missingSinceMs ?? now))
        .slice(0, maxMissing)
      const keeps = new Set(kept)
      for (const file of missing) {
        if (keeps.has(file)) continue
        leave(file)
        files.delete(file)
      }
    },
    checkpoints: () => [...files].filter(({ isRecorded }) => isRecorded).map(checkpointOf),
  }
}

/**
 * Whether the contents may have gone to a file that begins with them: a copy that was made before a truncation is found soon after it, and
 * with another device a file keeps its name. Elsewhere a file with the same lines is a new one, whose lines count again.
 */
const mayMove = (file: FollowedFile, { path, key }: Place, nowMs: number): boolean =>
  file.isReplaced
    ? nowMs - (file.missingSinceMs ?? nowMs) <= copyFoundWithinMs
    : path === file.path && deviceOf(key) !== deviceOf(file.key) && readMark(file).head.bytes === printBytes

/** The first bytes of a file, compared with those of others. */
const createHeads = (handle: FileHandle) => {
  const checksums = new Map<number, string>()
  return {
    begin: async ({ bytes, sha256 }: Print): Promise<boolean> => {
      if (bytes === 0) return false
      const known = checksums.get(bytes) ?? printOf(await readAt(handle, 0, bytes)).sha256
      checksums.set(bytes, known)
      return known === sha256
    },
  }
}

import type { Clock } from '@armature/async/clock'
import { latch } from '@armature/async/latch'
import type { FollowedFile } from './followed-file.ts'

/** The open files, and whose turn it is. */
export interface OpenFiles {
  readonly count: number
  readonly unreadBytes: number
  /** It has its turns from the next `begin` on. */
  add(file: FollowedFile): void
  begin(): void
  /** The file whose turn it is; undefined while all rest. */
  next(): FollowedFile | undefined
  /** It had its turn, and has more to read. */
  again(file: FollowedFile): void
  /** It has nothing to read: it is looked at again later. */
  rest(file: FollowedFile): void
  /** Whether its turn comes before it rests. */
  isReady(file: FollowedFile): boolean
  /** It is looked at soon. */
  hurry(file: FollowedFile): void
  /** The other one has its reader now. */
  exchange(file: FollowedFile, successor: FollowedFile): void
  /** Room for one more, for which a file that rests is closed. Resolves to false where none rests. */
  makeRoom(): Promise<boolean>
  close(file: FollowedFile): Promise<void>
  closeAll(): Promise<void>
  /** Resolves when a file may have its turn, or at `wake`. */
  woken(): Promise<void>
  wake(): void
}

export interface OpenFilesOptions {
  readonly clock: Clock
  readonly maxOpenFiles: number
}

/** Resting files are looked at so often; where more than that many are open, once for so many milliseconds as there are files. */
const minLookEveryMs = 50
const maxLookEveryMs = 1_000

/** None is open yet. Files have their turns one after the other. */
export const createOpenFiles = ({ clock, maxOpenFiles }: OpenFilesOptions): OpenFiles => {
  /** Added, but not begun. */
  const added = new Set<FollowedFile>()
  const ready = new Set<FollowedFile>()
  const resting = new Set<FollowedFile>()
  /** The one that has its turn. */
  let current: FollowedFile | undefined
  const waiters = latch()
  let cancelLook: (() => void) | undefined
  let isClosed = false

  const all = (): readonly FollowedFile[] => [
    ...added,
    ...ready,
    ...resting,
    ...(current === undefined ? [] : [current]),
  ]
  const count = () => added.size + ready.size + resting.size + (current === undefined ? 0 : 1)
  const makeReady = (files: Set<FollowedFile>) => {
    for (const file of files) ready.add(file)
    files.clear()
    waiters.open()
  }

  const lookLater = () => {
    if (cancelLook !== undefined || isClosed) return
    const everyMs = Math.min(maxLookEveryMs, Math.max(minLookEveryMs, count()))
    cancelLook = clock.after(everyMs, () => {
      cancelLook = undefined
      makeReady(resting)
    })
  }

  const close = async (file: FollowedFile) => {
    const { reader } = file
    for (const files of [added, ready, resting]) files.delete(file)
    if (file === current) current = undefined
    if (reader === undefined) return
    file.lastRead = reader.mark
    file.closedAt = reader.seen
    file.reader = undefined
    // Nothing was written, so nothing can be lost by it.
    await reader.close().catch(() => undefined)
  }

  return {
    get count() {
      return count()
    },
    get unreadBytes() {
      return all().reduce((sum, file) => sum + unread(file), 0)
    },
    add: (file) => void added.add(file),
    begin: () => makeReady(added),
    next: () => {
      const [file] = ready
      if (file !== undefined) ready.delete(file)
      current = file
      return file
    },
    again: (file) => {
      current = undefined
      ready.add(file)
    },
    rest: (file) => {
      current = undefined
      resting.add(file)
      lookLater()
    },
    isReady: (file) => ready.has(file),
    hurry: (file) => {
      if (resting.delete(file)) ready.add(file)
    },
    exchange: (file, successor) => {
      if (file === current) current = undefined
      ready.add(successor)
    },
    makeRoom: async () => {
      if (count() < maxOpenFiles) return true
      const idle = leastRecent(resting)
      if (idle === undefined) return false
      await close(idle)
      return true
    },
    close,
    closeAll: async () => {
      isClosed = true
      cancelLook?.()
      for (const file of all()) await close(file)
    },
    woken: waiters.wait,
    wake: waiters.open,
  }
}

const unread = ({ reader }: FollowedFile): number =>
  reader === undefined ? 0 : Math.max(0, reader.seen.sizeBytes - reader.mark.position)

/** The one that has not changed for longest of those that were read to their end. */
const leastRecent = (files: Iterable<FollowedFile>): FollowedFile | undefined => {
  let least: FollowedFile | undefined
  for (const file of files) {
    if (unread(file) > 0) continue
    if (least === undefined || (file.reader?.changedMs ?? 0) < (least.reader?.changedMs ?? 0)) least = file
  }
  return least
}

import type { Clock } from '@armature/async/clock'
import { createCheckpointFile } from './checkpoints.ts'
import { type CheckpointWriter, createCheckpointWriter } from './checkpoint-writer.ts'
import { createDiscovery, type Scan } from './discovery.ts'
import { createFileRegistry } from './file-registry.ts'
import { createFileFinder, type FileFinder } from './find-files.ts'
import type { FollowedFile } from './followed-file.ts'
import type { ReadLines } from './next-lines.ts'
import { createOpenFiles } from './open-files.ts'
import { createScans } from './scans.ts'
import { createTurns } from './turns.ts'
import { createWarnings } from './warnings.ts'

export interface FileTailOptions {
  /** Which files to read: globs as Node has them, or names. */
  readonly globs: readonly string[]
  /** The file of the checkpoints. Its folder must exist, and be nobody else's. */
  readonly checkpointPath: string
  /** Checkpoints survive a power cut. Default true. */
  readonly durable?: boolean
  /** Follows the files until it is stopped. Default true. Else what they hold now is read, the last line too where it has no end. */
  readonly follow?: boolean
  /** The most bytes that are given of a line. */
  readonly maxLineBytes: number
  /** So many files may be open at once. Default 1,000. */
  readonly maxOpenFiles?: number
  /** How long a file that was renamed or removed is read on after its last change, in milliseconds. Default 60,000. */
  readonly rotateWaitMs?: number
  /** How long a last line without an end waits for it, counted from the last change, in milliseconds. Default 300,000. */
  readonly lastLineWaitMs?: number
  readonly clock: Clock
  readonly warn: (problem: string) => void
}

/** Complete lines of one file. */
export interface FileLines {
  readonly file: TailedFile
  /** The start of the first line in the file, and the end of the last. */
  readonly from: number
  readonly to: number
  /** Each line ends with a line feed, but the last line of the file and a line that was cut off. */
  readonly bytes: Buffer
  /** The number of bytes that a line that is too long lacks behind `bytes`; it comes alone. Else 0. */
  readonly cutBytes: number
  /**
   * All lines of the file before the position are held, so the next run need not read them. Default: `to`. Positions between `from` and `to`
   * may be given, those included; an earlier one than before changes nothing.
   */
  commit(position?: number): void
}

export interface TailedFile {
  /** Stays with the contents, whatever their name, also over a restart. With a position in the file it tells a line from all others. */
  readonly id: string
  /** The name it was found by last. */
  readonly path: string
  /** The path that it leads to, without symbolic links. */
  readonly target: string
}

export interface FileTail {
  /**
   * The next lines, of each file in order and of all in turns. Waits until there are some. Resolves to undefined when it was stopped, and without
   * `follow` when all was read. Not to be called again before it has resolved. Nothing is read ahead.
   */
  next(): Promise<FileLines | undefined>
  /** `next` gives nothing more. */
  stop(): void
  readonly stats: FileTailStats
  /** Writes the checkpoints, up to what is committed by now, and closes the files. Safe to call twice. */
  close(): Promise<void>
}

export interface FileTailStats extends Scan {
  readonly openFiles: number
  /** Bytes of open files that were not read when they were last looked at. */
  readonly unreadBytes: number
}

const copyWaitMs = 5_000
/** Names beyond so many for each file that may be open are left out. */
const matchesPerOpenFile = 10

/** Follows files by globs from the checkpoints on. Rejects where the checkpoints cannot be read. */
export const openFileTail = async (options: FileTailOptions): Promise<FileTail> => {
  const { globs, checkpointPath, durable = true, follow = true, maxLineBytes, clock, warn } = options
  const { maxOpenFiles = 1_000, rotateWaitMs = 60_000, lastLineWaitMs = 300_000 } = options
  const checkpointFile = createCheckpointFile({ path: checkpointPath, durable, warn })
  const warnings = createWarnings(warn)
  const maxFiles = maxOpenFiles * matchesPerOpenFile
  const registry = createFileRegistry(await checkpointFile.read(), { nowMs: clock.now(), maxMissing: maxFiles })
  const checkpoints = createCheckpointWriter({ checkpointFile, registry, clock, warn })
  const open = createOpenFiles({ clock, maxOpenFiles })
  /** Without `follow`: those that were read. */
  const doneKeys = new Set<string>()
  const onDone = ({ key }: FollowedFile) => void doneKeys.add(key)
  const turns = createTurns({ open, registry, clock, follow, rotateWaitMs, lastLineWaitMs, warn, onDone })
  const discovery = createDiscovery({
    createFinder: (onUnreadable) => {
      const finder = createFileFinder({ globs, maxFiles, warnings, onUnreadable })
      return follow ? finder : findOnce(finder)
    },
    registry,
    clock,
    maxLineBytes,
    warnings,
    copyWaitMs: follow ? copyWaitMs : 0,
    makeRoom: open.makeRoom,
    isPassedOver: (key) => doneKeys.has(key),
    onOpened: (file) => {
      // Lines written to the elder before this one was found come before its lines.
      if (file.elder !== undefined) open.hurry(file.elder.file)
      open.add(file)
    },
    // One write for all that a scan has found.
    onScanned: async () => {
      await checkpoints.recordNew()
      open.begin()
    },
  })
  let failure: Error | undefined
  const onFailed = (error: Error) => {
    failure = error
    open.wake()
  }
  const scans = createScans({ discovery, clock, onFailed })
  let isStopped = false
  let readErrors = 0
  let closing: Promise<void> | undefined

  /** A file that cannot be read now is tried again at the next scan. */
  const turn = async (file: FollowedFile): Promise<FileLines | undefined> => {
    try {
      const lines = await turns.take(file)
      return lines && (await given(file, lines, checkpoints))
    } catch (error) {
      warnings.tell(`${file.path} cannot be read: ${(error as Error).message}`)
      readErrors++
      await open.close(file)
      file.closedAt = undefined
      return undefined
    }
  }
  const stop = () => {
    isStopped = true
    open.wake()
  }
  const close = async () => {
    stop()
    await scans.close()
    await checkpoints.close()
    await open.closeAll()
  }

  await scans.scan()
  if (follow) scans.repeat()

  return {
    next: async () => {
      for (;;) {
        if (failure !== undefined) throw failure
        if (isStopped) return undefined
        const file = open.next()
        if (file !== undefined) {
          const lines = await turn(file)
          if (lines !== undefined) return lines
        } else if (follow) await open.woken()
        else if (scans.last.waiting === 0) return undefined
        else await scans.scan()
      }
    },
    stop,
    get stats() {
      const { waiting, unreadable } = scans.last
      return { waiting, unreadable: unreadable + readErrors, openFiles: open.count, unreadBytes: open.unreadBytes }
    },
    close: () => (closing ??= close()),
  }
}

/** The lines as they are given: with what the next run has to know of them on the disk. */
const given = async (file: FollowedFile, lines: ReadLines, checkpoints: CheckpointWriter): Promise<FileLines> => {
  // The id is to be known to the next run before anyone has a line that carries it.
  if (!file.isRecorded) await checkpoints.record(file, lines.bytes)
  const { from, to, bytes, cutBytes } = lines
  const commit = (position = to) => {
    if (position < file.held.position) return
    file.held = lines.markAt(position)
    checkpoints.changed()
  }
  return { file: { id: file.id, path: file.path, target: file.target }, from, to, bytes, cutBytes, commit }
}

const findOnce = (finder: FileFinder): FileFinder => {
  let found: ReturnType<FileFinder['find']> | undefined
  return { find: () => (found ??= finder.find()) }
}

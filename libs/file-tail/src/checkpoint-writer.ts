import type { Clock } from '@armature/async/clock'
import type { CheckpointFile } from './checkpoints.ts'
import type { FileRegistry } from './file-registry.ts'
import { printBytes, printOf } from './fingerprint.ts'
import type { FollowedFile } from './followed-file.ts'

export interface CheckpointWriter {
  /** Writes the id of a file of which these are the first bytes, and of all others that are new. */
  record(file: FollowedFile, firstBytes: Uint8Array): Promise<void>
  /** More is held: it is written soon. */
  changed(): void
  /** Writes what has changed. */
  close(): Promise<void>
}

export interface CheckpointWriterOptions {
  readonly checkpointFile: CheckpointFile
  readonly registry: FileRegistry
  readonly clock: Clock
  readonly warn: (problem: string) => void
}

/** So long a change waits for others to be written with it: a millisecond for four files, and no less than this. */
const minWriteEveryMs = 250
const filesPerMs = 4

/** Writes the checkpoints of all files together. While they cannot be written the old ones stay: lines may be given twice, none is lost. */
export const createCheckpointWriter = (options: CheckpointWriterOptions): CheckpointWriter => {
  const { checkpointFile, registry, clock, warn } = options
  let isDirty = false
  let isFailing = false
  let cancel: (() => void) | undefined
  let writing: Promise<void> = Promise.resolve()

  const write = async () => {
    isDirty = false
    try {
      await checkpointFile.write(registry.checkpoints())
      isFailing = false
    } catch (error) {
      isDirty = true
      if (!isFailing) warn(`the checkpoints of files cannot be written: ${(error as Error).message}`)
      isFailing = true
    }
  }
  const writeNext = (): Promise<void> => (writing = writing.then(write))
  const writeLater = () => {
    cancel ??= clock.after(Math.max(minWriteEveryMs, registry.count / filesPerMs), () => {
      cancel = undefined
      void writeNext().then(() => {
        if (isDirty) writeLater()
      })
    })
  }

  return {
    record: async (file, firstBytes) => {
      file.held = { ...file.held, head: printOf(firstBytes.subarray(0, printBytes)) }
      file.isRecorded = true
      for (const other of registry.all()) {
        if (other.isRecorded || other.reader === undefined) continue
        other.held = await other.reader.peekHead()
        other.isRecorded = other.held.head.bytes > 0
      }
      await writeNext()
    },
    changed: () => {
      isDirty = true
      writeLater()
    },
    close: async () => {
      cancel?.()
      cancel = undefined
      await writing
      if (isDirty) await write()
    },
  }
}

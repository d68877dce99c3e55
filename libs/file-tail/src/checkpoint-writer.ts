import type { Clock } from '@armature/async/clock'
import type { CheckpointFile } from './checkpoints.ts'
import type { FileRegistry } from './file-registry.ts'
import { printBytes, printOf } from './fingerprint.ts'
import type { FollowedFile } from './followed-file.ts'

export interface CheckpointWriter {
  /** Writes the id of a file of which these are the first bytes, and of all others that are new. */
  record(file: FollowedFile, firstBytes: Uint8Array): Promise<void>
  /** Writes the ids of all open files that are new and hold a line, if there are any. */
  recordNew(): Promise<void>
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

  /** Notes how new files begin. Resolves to whether there are any. */
  const markNew = async (): Promise<boolean> => {
    let hasNew = false
    for (const file of registry.all()) {
      if (file.isRecorded || file.reader === undefined) continue
      const beginning = await file.reader.peekHead()
      // Meanwhile it may have had its turn.
      if (file.isRecorded || beginning.head.bytes === 0) continue
      file.held = beginning
      file.isRecorded = hasNew = true
    }
    return hasNew
  }

  return {
    record: async (file, firstBytes) => {
      file.held = { ...file.held, head: printOf(firstBytes.subarray(0, printBytes)) }
      file.isRecorded = true
      await markNew()
      await writeNext()
    },
    recordNew: async () => {
      if (await markNew()) await writeNext()
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

import { randomBytes } from 'node:crypto'
import { type Mark, startMark } from './fingerprint.ts'
import type { Checkpoint } from './checkpoints.ts'
import type { FileReader } from './file-reader.ts'

/** The contents of one file, whatever becomes of its name. Contents that take their place in the same file are another one. */
export interface FollowedFile {
  readonly id: string
  /** The name it was first found by: it keeps it when it is renamed. */
  readonly path: string
  /** The name of the file that holds it, without symbolic links. */
  target: string
  /** Device and inode that hold it. */
  key: string
  /** When that was made, where it is known. */
  born?: string | undefined
  /** Up to where all lines are held by whoever reads the tail. */
  held: Mark
  /** Up to where it was read when it was last closed: what is held follows. */
  lastRead: Mark
  /** While it is open. */
  reader?: FileReader | undefined
  /** Its state when it was closed. While it stays so, there is nothing to read. */
  closedAt?: { readonly sizeBytes: number; readonly modifiedNs: bigint } | undefined
  /** The file found by the same name before, and the position up to which it comes first. */
  elder?: { readonly file: FollowedFile; readonly untilBytes: number } | undefined
  /** Its checkpoint is on the disk, so its id is known to the next run. */
  isRecorded: boolean
  /** Since when no name that was asked for leads to it. */
  missingSinceMs?: number | undefined
  /** Other contents have taken its place in the file. */
  isReplaced: boolean
  /** It was read to its end after it had gone. */
  isFinished: boolean
}

/** The place where contents were found. */
export type Place = Pick<FollowedFile, 'path' | 'target' | 'key' | 'born'>

/** A file of which nothing was read. */
export const newFile = (place: Place): FollowedFile => ({
  path: place.path,
  target: place.target,
  key: place.key,
  born: place.born,
  id: randomBytes(12).toString('hex'),
  held: startMark,
  lastRead: startMark,
  isRecorded: false,
  isReplaced: false,
  isFinished: false,
})

/** The file of a checkpoint. Until it is found it is missing. */
export const fileOf = (checkpoint: Checkpoint, nowMs: number): FollowedFile => {
  const { mark, missingSinceMs = nowMs, isReplaced = false, isFinished = false, ...place } = checkpoint
  return { ...place, held: mark, lastRead: mark, isRecorded: true, missingSinceMs, isReplaced, isFinished }
}

/** The state of the file that the next run needs. */
export const checkpointOf = (file: FollowedFile): Checkpoint => {
  const { id, path, target, key, born, held: mark, missingSinceMs, isReplaced, isFinished } = file
  return {
    id,
    path,
    target,
    key,
    mark,
    ...(born === undefined ? {} : { born }),
    ...(missingSinceMs === undefined ? {} : { missingSinceMs }),
    ...(isReplaced ? { isReplaced } : {}),
    ...(isFinished ? { isFinished } : {}),
  }
}

/** Up to where it was read. */
export const readMark = ({ reader, lastRead }: FollowedFile): Mark => reader?.mark ?? lastRead

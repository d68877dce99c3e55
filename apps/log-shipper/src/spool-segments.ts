import type { Disk } from './disk.ts'
import { newSegmentName, type Segment, segmentOf } from './segment.ts'

/** The segments of a spool, the oldest first. */
export interface Segments {
  /** Bytes of all of them. */
  readonly sizeBytes: number
  /** The first that holds a line after this sequence. */
  after(sequence: number): Segment | undefined
  /** Bytes of all that hold a line after this sequence. */
  bytesAfter(sequence: number): number
  /**
   * The segment that takes so many more bytes, a new one where the last has no room for them. Rejects with what the disk says. A
   * segment of an earlier opening is never appended to: a sequence that a power cut took back gets a new id.
   */
  forAppend(bytes: number, nextSequence: number): Promise<Segment>
  /** So many bytes were written to its end, up to this sequence. */
  appended(segment: Segment, bytes: number, lastSequence: number): void
  /** Removes those that hold no line after this sequence, but never the one that is written. */
  acked(sequence: number): Promise<void>
  /** Closes the files. */
  close(): Promise<void>
  /** Removes all of them, after `close`. */
  remove(): Promise<void>
}

export interface SegmentsOptions {
  readonly disk: Disk
  readonly sync: boolean
  /** The longest segment, in bytes. */
  readonly segmentBytes: number
  /** Those of earlier openings. */
  readonly found: readonly Segment[]
  readonly ackedSequence: number
  /** A segment was removed. */
  readonly onRemoved: () => void
}

/** The segments that were found, and those that are made from now on. */
export const createSegments = (options: SegmentsOptions): Segments => {
  const { disk, sync, segmentBytes, onRemoved } = options
  const segments = [...options.found]
  let { ackedSequence } = options
  let sizeBytes = segments.reduce((sum, { endBytes }) => sum + endBytes, 0)
  let written: Segment | undefined

  const reap = async () => {
    for (let first = segments[0]; first !== undefined && first !== written; first = segments[0]) {
      if (first.lastSequence > ackedSequence) return
      segments.shift()
      sizeBytes -= first.endBytes
      onRemoved()
      await first.file.close()
      await disk.remove(first.name)
    }
  }

  return {
    get sizeBytes() {
      return sizeBytes
    },
    after: (sequence) => segments.find(({ lastSequence }) => lastSequence > sequence),
    bytesAfter: (sequence) => {
      let bytes = 0
      for (const { lastSequence, endBytes } of segments) if (lastSequence > sequence) bytes += endBytes
      return bytes
    },
    forAppend: async (bytes, nextSequence) => {
      if (written !== undefined && written.endBytes + bytes <= segmentBytes) return written
      const name = newSegmentName(nextSequence)
      const segment = segmentOf(name, await disk.create(name, sync))
      if (segment === undefined) throw new TypeError(`not the name of a segment: ${name}`)
      segments.push(segment)
      written = segment
      await reap()
      return segment
    },
    appended: (segment, bytes, lastSequence) => {
      segment.endBytes += bytes
      segment.lastSequence = lastSequence
      sizeBytes += bytes
    },
    acked: (sequence) => {
      ackedSequence = sequence
      return reap()
    },
    close: async () => {
      for (const { file } of segments) await file.close()
    },
    remove: async () => {
      for (const { name } of segments) await disk.remove(name)
    },
  }
}

import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { DiskFile } from './disk.ts'
import type { KnownOrigins } from './origin.ts'
import { decodeRecords, findRecord, noRecords, type ReadLimit, type Records } from './record.ts'

/** One file of records in ascending sequence. Its id makes the ids of its lines unique, whatever becomes of the sequence. */
export interface Segment {
  readonly name: string
  readonly id: string
  readonly salt: number
  readonly firstSequence: number
  readonly file: DiskFile
  /** The origins of lines that were read of it so far. */
  readonly origins: KnownOrigins
  /** The sequence of its last record; one less than `firstSequence` while it has none. */
  lastSequence: number
  /** Up to where it may be read. */
  endBytes: number
}

const namePattern = /^(\d{16})-([0-9a-f]{16})\.segment$/

/** The name of a new segment: its first sequence, so that names sort, and a random id. */
export const newSegmentName = (firstSequence: number): string =>
  `${String(firstSequence).padStart(16, '0')}-${randomBytes(8).toString('hex')}.segment`

/** A record has 48 bits for its sequence. No shipper comes to half of that, and a segment that begins there has room for its lines. */
const maxFirstSequence = 2 ** 47

/** The parts of a segment's name; undefined for another name, or for a number that no shipper writes. */
export const parseSegmentName = (name: string): Pick<Segment, 'id' | 'firstSequence'> | undefined => {
  const [, first, id] = namePattern.exec(name) ?? []
  const firstSequence = Number(first)
  if (firstSequence > maxFirstSequence) return undefined
  return id === undefined ? undefined : { id, firstSequence }
}

/** Undefined for the name of another file. */
export const segmentOf = (name: string, file: DiskFile): Segment | undefined => {
  const parsed = parseSegmentName(name)
  if (parsed === undefined) return undefined
  const { id, firstSequence } = parsed
  return {
    ...{ name, id, salt: crc32(id), firstSequence, file, origins: new Map() },
    lastSequence: firstSequence - 1,
    endBytes: file.sizeBytes,
  }
}

/** Whether a file of that name is a segment. */
export const isSegmentName = (name: string): boolean => namePattern.test(name)

export interface SegmentPart {
  readonly records: Records
  /** They reach the limit. */
  readonly isFull: boolean
  /** The place to read on at. */
  readonly position: number
  /** The end of the last intact record, or the start if there is none. */
  readonly intactEnd: number
  /** Bytes passed over since they are no record. */
  readonly damagedBytes: number
  /** The passed over bytes at the end are the beginning of a record, or zeros: a write that was cut off. */
  readonly torn: boolean
}

const leastWindowBytes = 64 * 1024
const mostWindowBytes = 1024 * 1024

/**
 * Reads records from `start` on, at most up to the limit, and skips what is damaged. It answers no records at the end of the segment alone.
 * A part is what lies in one window of the file.
 */
export const readSegment = async (segment: Segment, start: number, limit: ReadLimit): Promise<SegmentPart> => {
  const { file, salt, endBytes, origins } = segment
  let records = noRecords
  let position = start
  let intactEnd = start
  let damagedBytes = 0
  let torn = false
  let isFull = false

  /** Goes to the next intact record, or to the end. */
  const skip = async (cutOff: boolean) => {
    const rest = await file.read(position, endBytes - position)
    const next = await findRecord(rest, 1, salt)
    const skipped = next ?? endBytes - position
    torn = next === undefined && (cutOff || rest.every((byte) => byte === 0))
    damagedBytes += skipped
    position += skipped
  }

  const usualBytes = Math.min(Math.max(limit.bytes, leastWindowBytes), mostWindowBytes)
  let windowBytes = usualBytes
  while (records.count === 0 && position < endBytes) {
    const askedBytes = Math.min(windowBytes, endBytes - position)
    const window = await file.read(position, askedBytes)
    const { records: found, end, broken, ...decoded } = decodeRecords(window, salt, limit, origins)
    records = found
    isFull = decoded.isFull
    position += end
    intactEnd = found.count > 0 ? position : intactEnd
    windowBytes = usualBytes
    if (broken?.kind === 'damaged') await skip(false)
    else if (broken?.kind === 'short') {
      const isCutOff = window.length < askedBytes || position + broken.needsBytes > endBytes
      if (isCutOff) await skip(true)
      else windowBytes = Math.max(usualBytes, broken.needsBytes)
    }
  }
  return { records, isFull, position, intactEnd, damagedBytes, torn }
}

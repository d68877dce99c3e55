import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { createColumn } from './column.ts'
import type { LineFault, LineFlaw, Lines } from './lines.ts'
import {
  collectOrigins,
  type KnownOrigins,
  type NewOrigins,
  originBytes,
  originMark,
  type Origins,
  writeOrigin,
} from './origin.ts'
import type { ReusedBuffer } from './reused-buffer.ts'

/**
 * A line on disk. All numbers are little-endian:
 *
 *     0  4  magic "ALS1"               18  1  fault: 0 none, 1 too-long, 2 not-utf8
 *     4  4  CRC-32, see below        19  1  mark of the origin, 0 where the line is of no file (`origin.ts`)
 *     8  4  length of the bytes        20  8  when it was read, ms since the epoch, as a double
 *    12  6  sequence                   28  4  bytes that were cut off (2^32 - 1 = that many or more)
 *    32  .. the origin, if any, then the line
 *
 * The CRC begins with the salt, a random number of the file, and covers all that follows it: neither a line that holds the bytes of a
 * record nor the remains of another file is taken for one. The magic lets a reader find the next record behind a damaged
 * length; the sequence tells how many it missed.
 */
export const recordHeaderBytes = 32

/** Lines that were read together, at one time. */
export interface NewLines extends Lines {
  /** When they were read, in milliseconds since the epoch. */
  readonly timeMs: number
  /** The times of lines that have one of their own. */
  readonly timesMs?: Float64Array | undefined
  /** Their origin, if that is a file. */
  readonly origins?: NewOrigins | undefined
}

const magic = Buffer.from('ALS1')
const magicNumber = magic.readUInt32LE()
const faults: readonly (LineFault | undefined)[] = [undefined, 'too-long', 'not-utf8']
const maxCutBytes = 2 ** 32 - 1
const at = { crc: 4, length: 8, sequence: 12, sequenceHigh: 16, fault: 18, origin: 19, time: 20, cut: 28 }

/** The bytes of the record of a line, which may be the first of a write. */
export const recordBytes = ({ starts, ends, origins }: NewLines, index: number, isFirst: boolean): number =>
  recordHeaderBytes + originBytes(origins, isFirst) + (ends[index] ?? 0) - (starts[index] ?? 0)

/** Which of the lines go to a segment. */
export interface RecordRange {
  readonly from: number
  readonly to: number
  /** The size of their records together. */
  readonly bytes: number
  /** That of the line `from`; the next ones follow it. */
  readonly firstSequence: number
  /** That of the segment. */
  readonly salt: number
}

/** The records of those lines, one after the other, in `memory`. */
export const encodeRecords = (
  lines: NewLines,
  { from, to, bytes, firstSequence, salt }: RecordRange,
  memory: ReusedBuffer,
): Buffer => {
  const { data, starts, ends, flaws, timeMs, timesMs, origins } = lines
  const out = memory.take(bytes)
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  let start = 0
  for (let index = from; index < to; index++) {
    const sequence = firstSequence + index - from
    const flaw = flaws.size === 0 ? undefined : flaws.get(index)
    const isFirst = index === from
    const end = start + recordBytes(lines, index, isFirst)
    view.setUint32(start, magicNumber, true)
    view.setUint32(start + at.length, end - start - recordHeaderBytes, true)
    view.setUint32(start + at.sequence, sequence >>> 0, true)
    view.setUint16(start + at.sequenceHigh, Math.floor(sequence / 2 ** 32), true)
    view.setUint8(start + at.fault, faults.indexOf(flaw?.fault))
    view.setUint8(start + at.origin, originMark(origins, index, isFirst))
    view.setFloat64(start + at.time, timesMs?.[index] ?? timeMs, true)
    view.setUint32(start + at.cut, Math.min(flaw?.cutBytes ?? 0, maxCutBytes), true)
    const bodyAt = start + recordHeaderBytes
    if (origins !== undefined) writeOrigin(out, bodyAt, origins, index, isFirst)
    data.copy(out, bodyAt + originBytes(origins, isFirst), starts[index], ends[index])
    view.setUint32(start + at.crc, crc32(out.subarray(start + at.length, end), salt), true)
    start = end
  }
  return out
}

/** The contents at a place: an intact record and its end, the bytes that it would need to be one, or damage. */
export type Place =
  | { readonly kind: 'record'; readonly end: number }
  | { readonly kind: 'short'; readonly needsBytes: number }
  | { readonly kind: 'damaged' }

/** Looks at what begins at `start`. */
export const placeAt = (buffer: Buffer, start: number, salt: number): Place => {
  if (buffer.length - start < recordHeaderBytes) return { kind: 'short', needsBytes: recordHeaderBytes }
  if (buffer.readUInt32LE(start) !== magicNumber) return { kind: 'damaged' }
  const end = start + recordHeaderBytes + buffer.readUInt32LE(start + at.length)
  if (end > buffer.length) return { kind: 'short', needsBytes: end - start }
  const isIntact = crc32(buffer.subarray(start + at.length, end), salt) === buffer.readUInt32LE(start + at.crc)
  return isIntact ? { kind: 'record', end } : { kind: 'damaged' }
}

/** Lines that were read back, as `Lines` has them. They share the memory of what was read. */
export interface Records extends Lines {
  readonly sequences: Float64Array
  /** When the line was read, in milliseconds since the epoch. */
  readonly timesMs: Float64Array
  /** Their origins, if any of them is of a file. */
  readonly origins?: Origins | undefined
}

export const noRecords: Records = {
  count: 0,
  data: Buffer.alloc(0),
  starts: new Uint32Array(),
  ends: new Uint32Array(),
  flaws: new Map(),
  sequences: new Float64Array(),
  timesMs: new Float64Array(),
}

export interface ReadLimit {
  readonly count: number
  /** The record that reaches it is still read. */
  readonly bytes: number
}

export interface DecodedRecords {
  readonly records: Records
  /** The end of the last of them. */
  readonly end: number
  /** They reach the limit. */
  readonly isFull: boolean
  /** The bytes that follow, if they are no intact record; undefined at the limit and at the end of the buffer. */
  readonly broken: Place | undefined
}

const columns = {
  starts: createColumn(Uint32Array),
  ends: createColumn(Uint32Array),
  sequences: createColumn(Float64Array),
  timesMs: createColumn(Float64Array),
}

/** Reads records from the beginning of the buffer, up to the limit or to what is no intact record. Adds to the known origins. */
export const decodeRecords = (
  buffer: Buffer,
  salt: number,
  limit: ReadLimit,
  known: KnownOrigins = new Map(),
): DecodedRecords => {
  const origins = collectOrigins(known)
  const flaws = new Map<number, LineFlaw>()
  let count = 0
  let bytes = 0
  let start = 0
  let broken: Place | undefined
  const isFull = () => count >= limit.count || bytes >= limit.bytes
  while (start < buffer.length && !isFull()) {
    const place = placeAt(buffer, start, salt)
    if (place.kind !== 'record') {
      broken = place
      break
    }
    const fault = faults[buffer[start + at.fault] ?? 0]
    if (fault !== undefined) flaws.set(count, { fault, cutBytes: buffer.readUInt32LE(start + at.cut) })
    const mark = buffer[start + at.origin] ?? 0
    const bodyAt = start + recordHeaderBytes
    columns.starts.push(mark === 0 ? bodyAt : origins.add(count, buffer, bodyAt, mark))
    columns.ends.push(place.end)
    columns.sequences.push(buffer.readUIntLE(start + at.sequence, 6))
    columns.timesMs.push(buffer.readDoubleLE(start + at.time))
    count += 1
    bytes += place.end - start - recordHeaderBytes
    start = place.end
  }
  const { starts, ends, sequences, timesMs } = columns
  const taken = { starts: starts.take(), ends: ends.take(), sequences: sequences.take(), timesMs: timesMs.take() }
  const records = { count, data: buffer, flaws, ...taken, origins: origins.take(count) }
  return { records, end: start, isFull: isFull(), broken }
}

/** Bytes that only look like records may follow each other by the hundred thousand: others get their turn after so long. */
const turnMs = 10

/** The start of the first intact record at or after `start`; undefined if there is none. */
export const findRecord = async (buffer: Buffer, start: number, salt: number): Promise<number | undefined> => {
  let turnEndsAt = performance.now() + turnMs
  for (let place = buffer.indexOf(magic, start); place >= 0; place = buffer.indexOf(magic, place + 1)) {
    if (placeAt(buffer, place, salt).kind === 'record') return place
    if (performance.now() < turnEndsAt) continue
    await setImmediate()
    turnEndsAt = performance.now() + turnMs
  }
  return undefined
}

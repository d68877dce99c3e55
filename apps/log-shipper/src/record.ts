import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { LineFault } from './lines.ts'

/**
 * A line on disk. All numbers are little-endian:
 *
 *     0  4  magic "ALS1"               18  1  fault: 0 none, 1 too-long, 2 not-utf8
 *     4  4  CRC-32, see below        19  1  0
 *     8  4  length of the bytes        20  8  when it was read, ms since the epoch, as a double
 *    12  6  sequence                   28  4  bytes that were cut off (2^32 - 1 = that many or more)
 *    32  .. the bytes
 *
 * The CRC begins with the salt, a random number of the file, and covers all that follows it: neither a line that holds the bytes of a
 * record nor the remains of another file is taken for one. The magic lets a reader find the next record behind a damaged
 * length; the sequence tells how many it missed.
 */
export interface SpoolRecord {
  readonly sequence: number
  readonly bytes: Uint8Array
  readonly fault?: LineFault | undefined
  readonly cutBytes: number
  /** When the line was read, in milliseconds since the epoch. */
  readonly timeMs: number
}

export const recordHeaderBytes = 32

const magic = Buffer.from('ALS1')
const faults: readonly (LineFault | undefined)[] = [undefined, 'too-long', 'not-utf8']
const maxCutBytes = 2 ** 32 - 1
const at = { crc: 4, length: 8, sequence: 12, fault: 18, time: 20, cut: 28 }

/** The bytes of a record; `salt` is that of the segment it goes to. */
export const encodeRecord = ({ sequence, bytes, fault, cutBytes, timeMs }: SpoolRecord, salt: number): Buffer => {
  const record = Buffer.alloc(recordHeaderBytes + bytes.length)
  magic.copy(record)
  record.writeUInt32LE(bytes.length, at.length)
  record.writeUIntLE(sequence, at.sequence, 6)
  record.writeUInt8(faults.indexOf(fault), at.fault)
  record.writeDoubleLE(timeMs, at.time)
  record.writeUInt32LE(Math.min(cutBytes, maxCutBytes), at.cut)
  record.set(bytes, recordHeaderBytes)
  record.writeUInt32LE(crc32(record.subarray(at.length), salt), at.crc)
  return record
}

/** What begins at a place: a record and where it ends, the bytes it would need to be one, or damage. */
export type Decoded =
  | { readonly kind: 'record'; readonly record: SpoolRecord; readonly end: number }
  | { readonly kind: 'short'; readonly needsBytes: number }
  | { readonly kind: 'damaged' }

/** Reads the record that begins at `start`; its bytes share the memory of `buffer`. */
export const decodeRecord = (buffer: Buffer, start: number, salt: number): Decoded => {
  if (buffer.length - start < recordHeaderBytes) return { kind: 'short', needsBytes: recordHeaderBytes }
  if (buffer.compare(magic, 0, magic.length, start, start + magic.length) !== 0) return { kind: 'damaged' }
  const end = start + recordHeaderBytes + buffer.readUInt32LE(start + at.length)
  if (end > buffer.length) return { kind: 'short', needsBytes: end - start }
  if (crc32(buffer.subarray(start + at.length, end), salt) !== buffer.readUInt32LE(start + at.crc)) {
    return { kind: 'damaged' }
  }
  const record: SpoolRecord = {
    sequence: buffer.readUIntLE(start + at.sequence, 6),
    bytes: buffer.subarray(start + recordHeaderBytes, end),
    fault: faults[buffer.readUInt8(start + at.fault)],
    cutBytes: buffer.readUInt32LE(start + at.cut),
    timeMs: buffer.readDoubleLE(start + at.time),
  }
  return { kind: 'record', record, end }
}

/** Bytes that only look like records may follow each other by the hundred thousand: others get their turn after so long. */
const turnMs = 10

/** Where the first intact record at or after `start` begins; undefined where none does. */
export const findRecord = async (buffer: Buffer, start: number, salt: number): Promise<number | undefined> => {
  let turnEndsAt = performance.now() + turnMs
  for (let place = buffer.indexOf(magic, start); place >= 0; place = buffer.indexOf(magic, place + 1)) {
    if (decodeRecord(buffer, place, salt).kind === 'record') return place
    if (performance.now() < turnEndsAt) continue
    await setImmediate()
    turnEndsAt = performance.now() + turnMs
  }
  return undefined
}

import { crc32 } from 'node:zlib'
import type { ReadableFolder } from './existing-folder.ts'
import { decodeRecords, findRecord } from './record.ts'
import { isSegmentName, parseSegmentName } from './segment.ts'
import { cursorName, readCursor } from './spool-recovery.ts'

/** The contents of a segment. */
export interface SegmentReport {
  readonly file: string
  readonly bytes: number
  /** Lines that can be read. */
  readonly lines: number
  /** Lines among them that the broker has acknowledged. */
  readonly acknowledged: number
  /** When the first line was read, in milliseconds since the epoch; undefined where the segment has none. */
  readonly firstTimeMs: number | undefined
  readonly lastTimeMs: number | undefined
}

/** A part of a file that cannot be read. */
export interface DamageReport {
  readonly file: string
  /** The start of the part, in bytes from the beginning of the file. */
  readonly offset: number
  /** Bytes of the part; 0 where they are missing. */
  readonly bytes: number
  /** Lines that are lost with it. */
  readonly lines: number
  readonly problem: string
}

export interface SpoolReport {
  /** The oldest first. */
  readonly segments: readonly SegmentReport[]
  readonly damage: readonly DamageReport[]
}

const noLimit = { count: Infinity, bytes: Infinity }

/**
 * Reads all records of a spool and changes nothing. A shipper may use the folder meanwhile: segments that it removes are left out, and what
 * it is writing at the end of the last one is not damage, since no one was told yet that it is held.
 */
export const inspectSpool = async (folder: ReadableFolder): Promise<SpoolReport> => {
  const names = (await folder.list()).filter(isSegmentName).toSorted()
  const scans: Scan[] = []
  const damage: DamageReport[] = []
  for (const file of names) {
    const content = await folder.read(file)
    if (content === undefined) continue
    const scan = await scanSegment(file, Buffer.from(content.buffer, content.byteOffset, content.byteLength))
    if (scan !== undefined) scans.push(scan)
    else damage.push({ file, offset: 0, bytes: content.length, lines: 1, problem: 'no shipper writes such a number' })
  }
  // Read last: a segment that went away meanwhile is acknowledged by then.
  const cursor = await folder.read(cursorName)
  const acknowledged = await readCursor(folder)
  if (cursor !== undefined && acknowledged === undefined) {
    const problem = 'the cursor cannot be read: all lines are published again'
    damage.push({ file: cursorName, offset: 0, bytes: cursor.length, lines: 0, problem })
  }
  for (const [index, scan] of scans.entries()) {
    damage.push(...scan.damage, ...damageAtEnd(scan, scans[index + 1]?.firstSequence, acknowledged ?? 0))
  }
  return { segments: scans.map((scan) => reportOf(scan, acknowledged ?? 0)), damage }
}

interface Scan {
  readonly file: string
  readonly bytes: number
  readonly firstSequence: number
  /** That of the last line that can be read; one less than the first where there is none. */
  readonly lastSequence: number
  readonly sequences: readonly number[]
  readonly firstTimeMs: number | undefined
  readonly lastTimeMs: number | undefined
  readonly damage: readonly DamageReport[]
  /** The end of the last intact record. */
  readonly intactEnd: number
  /** The rest is the beginning of a record, or zeros: a write that was not completed. */
  readonly isTorn: boolean
}

const notARecord = 'these bytes are no record of a line'

/** Undefined for a segment whose number no shipper writes. */
const scanSegment = async (file: string, content: Buffer): Promise<Scan | undefined> => {
  const name = parseSegmentName(file)
  if (name === undefined) return undefined
  const salt = crc32(name.id)
  const sequences: number[] = []
  const damage: DamageReport[] = []
  let lastSequence = name.firstSequence - 1
  let firstTimeMs: number | undefined
  let lastTimeMs: number | undefined
  let intactEnd = 0
  let isTorn = false
  for (let position = 0; position < content.length;) {
    const rest = content.subarray(position)
    const { records, end, broken } = decodeRecords(rest, salt, noLimit)
    for (const [index, sequence] of records.sequences.entries()) {
      const lines = Math.max(0, sequence - lastSequence - 1)
      // The damage lies before the first record of a run.
      if (lines > 0 || (index === 0 && position > intactEnd)) {
        damage.push({ file, offset: intactEnd, bytes: position - intactEnd, lines, problem: notARecord })
      }
      sequences.push(sequence)
      lastSequence = Math.max(lastSequence, sequence)
    }
    if (records.count > 0) {
      firstTimeMs ??= records.timesMs[0]
      lastTimeMs = records.timesMs.at(-1)
      intactEnd = position + end
    }
    if (broken === undefined) break
    const next = await findRecord(rest, end + 1, salt)
    if (next === undefined) {
      isTorn = broken.kind === 'short' || rest.subarray(end).every((byte) => byte === 0)
      break
    }
    position += next
  }
  const { firstSequence } = name
  const times = { firstTimeMs, lastTimeMs }
  return { file, bytes: content.length, firstSequence, lastSequence, sequences, ...times, damage, intactEnd, isTorn }
}

/** The damage behind the last intact record; `nextSequence` begins the next segment, undefined where there is none. */
const damageAtEnd = (scan: Scan, nextSequence: number | undefined, acknowledged: number): DamageReport[] => {
  const { file, lastSequence, intactEnd, isTorn } = scan
  const bytes = scan.bytes - intactEnd
  if (nextSequence === undefined) {
    return bytes === 0 || isTorn ? [] : [{ file, offset: intactEnd, bytes, lines: 1, problem: notARecord }]
  }
  // A segment between the two that a running shipper removed was acknowledged.
  const from = bytes === 0 ? Math.max(lastSequence, acknowledged) : lastSequence
  const lines = nextSequence - 1 - from
  if (lines <= 0) return []
  const problem = bytes === 0 ? 'lines are missing behind it' : notARecord
  return [{ file, offset: intactEnd, bytes, lines, problem }]
}

const reportOf = ({ file, bytes, sequences, firstTimeMs, lastTimeMs }: Scan, acknowledged: number): SegmentReport => ({
  file,
  bytes,
  lines: sequences.length,
  acknowledged: sequences.filter((sequence) => sequence <= acknowledged).length,
  firstTimeMs,
  lastTimeMs,
})

import { crc32 } from 'node:zlib'
import type { Disk } from './disk.ts'
import { isSegmentName, readSegment, type Segment, segmentOf } from './segment.ts'

/** The state that an earlier opening left in a folder. */
export interface Recovered {
  /** With at least one record each, in order. */
  readonly segments: Segment[]
  /** Up to here all was acked. */
  readonly ackedSequence: number
  /** Free, and higher than any that was acked. */
  readonly nextSequence: number
}

export interface Damage {
  /** As far as is known: at least one. */
  readonly lines: number
  readonly bytes: number
}

export interface RecoveryOptions {
  /** Lines that are found are written through before they count: the process that wrote it may have ended before its own sync. */
  readonly sync: boolean
  readonly onDamage: (damage: Damage) => void
}

/** The file that remembers up to where all was acked. */
export const cursorName = 'cursor'
const scanLimit = { count: 4096, bytes: 1024 * 1024 }

/**
 * Reads all segments to their ends. The last one is cut off behind its last intact record: a write that was not completed is
 * nobody's loss, since `append` had not resolved; a complete record that is damaged is reported.
 */
export const recover = async (disk: Disk, { sync, onDamage }: RecoveryOptions): Promise<Recovered> => {
  const found: Segment[] = []
  for (const name of (await disk.list()).filter(isSegmentName).toSorted()) {
    const file = await disk.open(name)
    const segment = segmentOf(name, file)
    if (segment !== undefined) {
      found.push(segment)
      continue
    }
    // Its number is out of range, which no shipper wrote: it is left for somebody to look at.
    onDamage({ lines: 1, bytes: file.sizeBytes })
    await file.close()
  }
  for (const segment of found) {
    const { intactEnd, tornBytes, damagedBytes } = await scan(segment)
    if (segment !== found.at(-1) || intactEnd === segment.endBytes) continue
    if (tornBytes === 0) onDamage({ lines: 1, bytes: damagedBytes })
    await segment.file.truncate(intactEnd)
    segment.endBytes = intactEnd
  }
  if (sync) await Promise.all([...found.map(({ file }) => file.sync()), disk.sync()])
  const ackedSequence = Math.max((await readCursor(disk)) ?? 0, (found[0]?.firstSequence ?? 1) - 1)
  const nextSequence = Math.max(ackedSequence, ...found.map(({ lastSequence }) => lastSequence)) + 1

  const segments: Segment[] = []
  for (const segment of found) {
    if (segment.lastSequence > ackedSequence) {
      segments.push(segment)
      continue
    }
    await segment.file.close()
    await disk.remove(segment.name)
  }
  return { segments, ackedSequence, nextSequence }
}

/** Finds the segment's last record. */
const scan = async (segment: Segment) => {
  let intactEnd = 0
  let damagedBytes = 0
  let torn = false
  for (let position = 0; position < segment.endBytes;) {
    const part = await readSegment(segment, position, scanLimit)
    if (part.records.count > 0) intactEnd = part.intactEnd
    segment.lastSequence = part.records.sequences.at(-1) ?? segment.lastSequence
    position = part.position
    damagedBytes += part.damagedBytes
    torn = part.torn
  }
  return { intactEnd, damagedBytes, tornBytes: torn ? segment.endBytes - intactEnd : 0 }
}

/** Undefined where there is none that is intact: all that is there is then given out again. */
export const readCursor = async (disk: Pick<Disk, 'read'>): Promise<number | undefined> => {
  const text = Buffer.from((await disk.read(cursorName)) ?? []).toString('latin1')
  const [, digits, sum] = /^(\d{1,15}) ([0-9a-f]{8})\n$/.exec(text) ?? []
  return digits !== undefined && sum === sumOf(digits) ? Number(digits) : undefined
}

/** Remembers that all up to the sequence is acked, with a checksum: a wrong cursor could skip lines. */
export const writeCursor = (disk: Disk, sequence: number): Promise<void> =>
  disk.replace(cursorName, Buffer.from(`${sequence} ${sumOf(String(sequence))}\n`))

const sumOf = (digits: string): string => crc32(digits).toString(16).padStart(8, '0')

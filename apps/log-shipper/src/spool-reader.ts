import type { LineFault, LineFlaw } from './lines.ts'
import { type Origin, pickOrigins, streams } from './origin.ts'
import { noRecords, type ReadLimit, type Records } from './record.ts'
import { readSegment, type Segment } from './segment.ts'
import type { Damage } from './spool-recovery.ts'
import type { Segments } from './spool-segments.ts'

/** Lines as the spool gives them out: those of one segment. */
export interface Batch extends Records {
  /** A line of no file has this and its sequence as its id: the same whenever it is read again, and no other line has it. */
  readonly idPrefix: string
  /** The limit was not reached, and more lines were there: behind damage, or in another segment. */
  readonly endsEarly: boolean
  /** The sequence of the last line that the batch settles, intact or damaged. */
  readonly lastSequence: number
  /** Lines among them that are damaged. */
  readonly damagedLines: number
}

/** A line of a batch by itself. */
export interface SpooledLine {
  readonly id: string
  /** They share the memory of the batch. */
  readonly bytes: Buffer
  readonly fault: LineFault | undefined
  readonly cutBytes: number
  /** When the line was read, in milliseconds since the epoch. */
  readonly timeMs: number
  /** The origin of a line of a file. */
  readonly origin: Origin | undefined
  readonly stream: (typeof streams)[number]
}

/** The line at that index. */
export const lineAt = (batch: Batch, index: number): SpooledLine => {
  const { idPrefix, data, starts, ends, flaws, sequences, timesMs, origins } = batch
  const { fault, cutBytes = 0 } = flaws.get(index) ?? {}
  const bytes = data.subarray(starts[index], ends[index])
  const origin = origins?.list[(origins.of[index] ?? 0) - 1]
  return {
    id: origin === undefined ? `${idPrefix}${sequences[index]}` : `${origin.id}-${origins?.offsets[index]}`,
    ...{ bytes, fault, cutBytes, origin },
    timeMs: timesMs[index] ?? 0,
    stream: streams[origins?.streamOf[index] ?? 0],
  }
}

export interface SpoolReader {
  /** The sequence of the last line that was read, intact or damaged. */
  readonly sequence: number
  /** Bytes behind it. */
  readonly unreadBytes: number
  /** The next lines up to `lastSequence`, in order. The line that reaches a limit is still read. */
  read(limit: ReadLimit, lastSequence: number): Promise<Batch>
}

export interface SpoolReaderOptions {
  readonly segments: Pick<Segments, 'after' | 'bytesAfter'>
  /** Lines up to here are not read again. */
  readonly ackedSequence: number
  /** Called for lines that can no longer be read. */
  readonly onDamage: (damage: Damage) => void
}

/** Reads the segments one after the other. */
export const createSpoolReader = ({ segments, ackedSequence, onDamage }: SpoolReaderOptions): SpoolReader => {
  let readSequence = ackedSequence
  let reading: Segment | undefined
  let readPosition = 0
  /** Bytes that were passed over since the last intact record. */
  let damagedBytes = 0

  /** Answers how many lines up to that sequence, which was not read, are damaged. */
  const missed = (upTo: number): number => {
    const count = upTo - readSequence
    if (count <= 0) return 0
    onDamage({ lines: count, bytes: damagedBytes })
    readSequence = upTo
    damagedBytes = 0
    return count
  }

  const read = async (limit: ReadLimit, lastOfAll: number): Promise<Batch> => {
    let damagedLines = 0
    while (readSequence < lastOfAll) {
      const segment = segments.after(readSequence)
      if (segment === undefined) break
      if (segment !== reading) readPosition = 0
      reading = segment
      const { lastSequence, endBytes } = segment
      const part = await readSegment(segment, readPosition, limit)
      const records = after(part.records, readSequence)
      damagedBytes += part.damagedBytes
      for (const sequence of records.sequences) {
        damagedLines += missed(sequence - 1)
        readSequence = sequence
      }
      readPosition = part.position
      if (readPosition >= endBytes) damagedLines += missed(lastSequence)
      if (records.count > 0) {
        const endsEarly = !part.isFull && readSequence < lastOfAll
        return { ...records, idPrefix: `${segment.id}-`, endsEarly, lastSequence: readSequence, damagedLines }
      }
    }
    return { ...noRecords, idPrefix: '', endsEarly: false, lastSequence: readSequence, damagedLines }
  }

  return {
    get sequence() {
      return readSequence
    },
    get unreadBytes() {
      const isInside = reading !== undefined && reading.lastSequence > readSequence
      return segments.bytesAfter(readSequence) - (isInside ? readPosition : 0)
    },
    read,
  }
}

/** Those after that sequence, each after the one before: a segment that is read from its beginning holds acknowledged lines, too. */
const after = (records: Records, sequence: number): Records => {
  const { starts, ends, sequences, timesMs, origins } = records
  const flaws = new Map<number, LineFlaw>()
  const kept: number[] = []
  let last = sequence
  let count = 0
  for (let index = 0; index < records.count; index++) {
    const own = sequences[index] ?? 0
    if (own <= last) continue
    last = own
    starts[count] = starts[index] ?? 0
    ends[count] = ends[index] ?? 0
    sequences[count] = own
    timesMs[count] = timesMs[index] ?? 0
    const flaw = records.flaws.get(index)
    if (flaw !== undefined) flaws.set(count, flaw)
    if (origins !== undefined) kept.push(index)
    count += 1
  }
  return {
    count,
    data: records.data,
    starts: starts.subarray(0, count),
    ends: ends.subarray(0, count),
    sequences: sequences.subarray(0, count),
    timesMs: timesMs.subarray(0, count),
    flaws,
    origins: origins && pickOrigins(origins, Uint32Array.from(kept)),
  }
}

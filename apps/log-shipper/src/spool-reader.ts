import type { SpoolRecord } from './record.ts'
import { readSegment, type ReadLimit, type Segment } from './segment.ts'
import type { Damage } from './spool-recovery.ts'
import type { Segments } from './spool-segments.ts'

/** A line as the spool gives it out. Its id is the same whenever it is read again, and no other line has it. */
export interface SpooledLine extends SpoolRecord {
  readonly id: string
}

export interface Batch {
  readonly lines: readonly SpooledLine[]
  /** The sequence of the last line that the batch settles, intact or damaged. */
  readonly lastSequence: number
  /** Lines among them that are damaged. */
  readonly damagedLines: number
}

export interface SpoolReader {
  /** The sequence of the last line that was read, intact or damaged. */
  readonly sequence: number
  /** The next lines up to `lastSequence`, in order. The line that reaches a limit is still read. */
  read(limit: ReadLimit, lastSequence: number): Promise<Batch>
}

export interface SpoolReaderOptions {
  readonly segments: Pick<Segments, 'after'>
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

  const read = async (limit: ReadLimit, lastOfAll: number): Promise<Batch> => {
    const lines: SpooledLine[] = []
    let bytes = 0
    let damaged = 0
    const missed = (upTo: number, damagedBytes: number) => {
      const count = upTo - readSequence
      if (count > 0) onDamage({ lines: count, bytes: damagedBytes })
      damaged += count
      readSequence = upTo
    }
    while (lines.length < limit.count && bytes < limit.bytes && readSequence < lastOfAll) {
      const segment = segments.after(readSequence)
      if (segment === undefined) break
      if (segment !== reading) readPosition = 0
      reading = segment
      const { lastSequence, endBytes } = segment
      const rest = { count: limit.count - lines.length, bytes: limit.bytes - bytes }
      const part = await readSegment(segment, readPosition, rest)
      for (const record of part.records) {
        if (record.sequence <= readSequence) continue
        missed(record.sequence - 1, part.damagedBytes)
        readSequence = record.sequence
        lines.push({ ...record, id: `${segment.id}-${record.sequence}` })
        bytes += record.bytes.length
      }
      readPosition = part.position
      if (readPosition >= endBytes) missed(Math.max(lastSequence, readSequence), part.damagedBytes)
    }
    return { lines, lastSequence: readSequence, damagedLines: damaged }
  }

  return {
    get sequence() {
      return readSequence
    },
    read,
  }
}

import { drivenClock } from '@armature/async/clock'
import type { LineFlaw } from '../src/lines.ts'
import { encodeRecords, type NewLines, recordHeaderBytes } from '../src/record.ts'
import { reusedBuffer } from '../src/reused-buffer.ts'
import { openSpool, type Spool, type SpoolOptions } from '../src/spool.ts'
import { type Batch, lineAt, type SpooledLine } from '../src/spool-reader.ts'
import type { Damage } from '../src/spool-recovery.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

export interface NewLine extends Partial<LineFlaw> {
  readonly bytes: Uint8Array
}

/** Lines that were read at one time. */
export const linesOf = (given: readonly NewLine[], timeMs: number): NewLines => {
  const ends = new Uint32Array(given.length)
  let end = 0
  for (const [index, { bytes }] of given.entries()) ends[index] = end += bytes.length
  const flaws = given.flatMap(({ fault, cutBytes = 0 }, index) =>
    fault === undefined ? [] : [[index, { fault, cutBytes }] as const],
  )
  return {
    count: given.length,
    data: Buffer.concat(given.map(({ bytes }) => bytes)),
    starts: ends.map((each, index) => each - (given[index]?.bytes.length ?? 0)),
    ends,
    flaws: new Map(flaws),
    timeMs,
  }
}

export const lines = (...texts: string[]): NewLines =>
  linesOf(
    texts.map((one) => ({ bytes: Buffer.from(one) })),
    1_000,
  )
/** Each line of a batch by itself. */
export const linesIn = (batch: Batch): SpooledLine[] =>
  Array.from({ length: batch.count }, (_, index) => lineAt(batch, index))
export const text = ({ bytes }: Pick<SpooledLine, 'bytes'>) => Buffer.from(bytes).toString()
export const textsIn = (batch: Batch): string[] => linesIn(batch).map(text)
export const everything = { count: 10_000, bytes: 1_000_000 }

/** The record of one line. */
export const encodeRecord = (
  { sequence, timeMs, ...line }: NewLine & { readonly sequence: number; readonly timeMs: number },
  salt: number,
): Buffer => {
  const bytes = recordHeaderBytes + line.bytes.length
  const range = { from: 0, to: 1, bytes, firstSequence: sequence, salt }
  return encodeRecords(linesOf([line], timeMs), range, reusedBuffer())
}

/** A spool on a driven clock, and the damage that it reported. */
export const opened = async (disk: SimulatedDisk, options: Partial<SpoolOptions> = {}) => {
  const damage: Damage[] = []
  const clock = drivenClock()
  const spool = await openSpool({
    disk,
    clock,
    maxBytes: 1_000_000,
    maxLineBytes: 1_000,
    sync: true,
    onDamage: (each) => damage.push(each),
    ...options,
  })
  return { spool, damage, clock, damagedLines: () => damage.reduce((sum, each) => sum + each.lines, 0) }
}

/** All that has not been read: a batch ends at damage and at the end of a segment. */
export const readBatches = async (spool: Spool): Promise<Batch[]> => {
  const batches: Batch[] = []
  do batches.push(await spool.read(everything))
  while (spool.unread > 0)
  return batches
}
export const readEach = async (spool: Spool): Promise<SpooledLine[]> => (await readBatches(spool)).flatMap(linesIn)

export const readAll = async (spool: Spool): Promise<string[]> => (await readEach(spool)).map(text)

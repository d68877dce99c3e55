import type { Clock } from '@armature/async/clock'
import type { Disk } from './disk.ts'
import type { Line } from './lines.ts'
import { encodeRecord, recordHeaderBytes, type SpoolRecord } from './record.ts'
import { newSegmentName, readSegment, type ReadLimit, type Segment, segmentOf } from './segment.ts'
import { type Damage, recover, writeCursor } from './spool-recovery.ts'

export interface SpoolOptions {
  readonly disk: Disk
  readonly clock: Clock
  /** Bytes of all segments. `append` waits while one more line would exceed it. */
  readonly maxBytes: number
  readonly maxLineBytes: number
  /** `append` waits until the lines would survive a power cut; without it they survive the end of the process only. */
  readonly sync: boolean
  /** Told of lines that can no longer be read. */
  readonly onDamage: (damage: Damage) => void
  /** How long to wait before trying again to write to a full disk. Default 1,000. */
  readonly diskRetryMs?: number
}

export interface NewLine extends Line {
  readonly timeMs: number
}

/** A line as the spool gives it out. Its id is the same whenever it is read again, and no other line has it. */
export interface SpooledLine extends SpoolRecord {
  readonly id: string
}

export interface Batch {
  readonly lines: readonly SpooledLine[]
  /** Of the last line that the batch settles, intact or damaged. */
  readonly lastSequence: number
  /** Lines among them that are damaged. */
  readonly damagedLines: number
}

/**
 * A bounded queue of lines in a folder. One writer, one reader. A line is held from `append` until `acked`; opened again after
 * any end of the process it gives out, in order, each line that was not acked.
 */
export interface Spool {
  /** Lines given to `append` that are not held yet. */
  readonly waiting: number
  /** Lines held: appended and not acked, nor found damaged. */
  readonly pending: number
  /** Bytes of all segments. */
  readonly sizeBytes: number
  /** What `append` waits for, if it does. */
  readonly full: 'bound' | 'disk' | undefined
  /**
   * Resolves when the lines are held. Waits while the spool or the disk is full. Rejects when the disk fails otherwise: what
   * was written is then not known, and the spool takes no more.
   */
  append(lines: readonly NewLine[]): Promise<void>
  /** The next lines, in order; none where all have been read. The line that reaches a limit is still read. */
  read(limit: ReadLimit): Promise<Batch>
  /** The batch, and all that was read before it, is done. Rejects when the cursor cannot be written: then it may repeat. */
  acked(batch: Batch): Promise<void>
  /** Whether all that was appended has been read. */
  readonly allRead: boolean
  /** Resolves at the next append, or when `wake` is called. */
  appended(): Promise<void>
  /** Lets go of who waits for `appended`. */
  wake(): void
  /** Lets `append` exceed the bound from now on, so that what was read of the input is held before the end. */
  admitAll(): void
  /** Waits for an append under way, unless that waits itself for room. Safe to call twice. */
  close(): Promise<void>
}

const maxSegmentBytes = 8 * 1024 * 1024
const defaultDiskRetryMs = 1_000
const fullDisk = new Set(['ENOSPC', 'EDQUOT'])

/** The least `maxBytes` for lines of that length: less could not hold one line and take the next. */
export const leastSpoolBytes = (maxLineBytes: number): number => 4 * (maxLineBytes + recordHeaderBytes)

/** Opens the spool in a folder, or makes one. Rejects with what the disk says, and RangeError for a bound too small. */
export const openSpool = async (options: SpoolOptions): Promise<Spool> => {
  const { disk, clock, maxBytes, maxLineBytes, sync, onDamage, diskRetryMs = defaultDiskRetryMs } = options
  if (maxBytes < leastSpoolBytes(maxLineBytes)) {
    const least = leastSpoolBytes(maxLineBytes)
    throw new RangeError(`maxBytes is ${maxBytes}: give ${least} or more, four times the longest line with its header`)
  }
  const segmentBytes = Math.max(maxLineBytes + recordHeaderBytes, Math.min(maxSegmentBytes, Math.floor(maxBytes / 8)))
  const recovered = await recover(disk, { sync, onDamage })
  const { segments } = recovered
  let { ackedSequence, nextSequence } = recovered
  let sizeBytes = segments.reduce((sum, { endBytes }) => sum + endBytes, 0)
  /** The segment of this opening: an old one is never appended to, so a sequence that a power cut took back gets a new id. */
  let active: Segment | undefined
  let readSequence = ackedSequence
  let reading: Segment | undefined
  let readPosition = 0
  let damagedLines = 0
  let waiting = 0
  let appending: Promise<void> = Promise.resolve()
  let full: Spool['full']
  let admitsAll = false
  let failure: Error | undefined
  let closing: Promise<void> | undefined
  let nextAppend = Promise.withResolvers<void>()
  let room = Promise.withResolvers<void>()

  const madeRoom = () => {
    room.resolve()
    room = Promise.withResolvers()
  }

  const wake = () => {
    nextAppend.resolve()
    nextAppend = Promise.withResolvers()
  }

  const failIfClosed = () => {
    if (closing !== undefined) throw new Error('the spool is closed')
  }

  /** Removes the segments that hold nothing any more, but the one that is written. */
  const reap = async () => {
    for (let first = segments[0]; first !== undefined && first !== active; first = segments[0]) {
      if (first.lastSequence > ackedSequence) return
      segments.shift()
      sizeBytes -= first.endBytes
      madeRoom()
      await first.file.close()
      await disk.remove(first.name)
    }
  }

  /** The segment that takes so many more bytes. */
  const segmentFor = async (bytes: number): Promise<Segment> => {
    if (active !== undefined && active.endBytes + bytes <= segmentBytes) return active
    const name = newSegmentName(nextSequence)
    const segment = segmentOf(name, await disk.create(name, sync))
    if (segment === undefined) throw new TypeError(`not the name of a segment: ${name}`)
    segments.push(segment)
    active = segment
    await reap()
    return segment
  }

  /** Runs `attempt` until the disk has room for what it writes. */
  const whenDiskHasRoom = async <T>(attempt: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        const result = await attempt()
        full = undefined
        return result
      } catch (error) {
        if (!fullDisk.has((error as NodeJS.ErrnoException).code ?? '')) throw error
        failIfClosed()
        full = 'disk'
        const cancel = clock.after(diskRetryMs, madeRoom)
        await room.promise
        cancel()
      }
    }
  }

  /** Writes lines together. What a failed attempt left behind the end is overwritten by the next. */
  const write = async (lines: readonly NewLine[], bytes: number) => {
    const segment = await whenDiskHasRoom(async () => {
      const target = await segmentFor(bytes)
      const records = lines.map((line, index) => encodeRecord({ ...line, sequence: nextSequence + index }, target.salt))
      await target.file.write(Buffer.concat(records), target.endBytes)
      return target
    })
    if (sync) await segment.file.sync()
    segment.endBytes += bytes
    sizeBytes += bytes
    nextSequence += lines.length
    segment.lastSequence = nextSequence - 1
    waiting -= lines.length
    wake()
  }

  const waitForRoom = async (bytes: number) => {
    while (!admitsAll && sizeBytes + bytes > maxBytes) {
      failIfClosed()
      full = 'bound'
      await room.promise
    }
    full = undefined
  }

  const append = async (lines: readonly NewLine[]) => {
    if (failure !== undefined) throw failure
    failIfClosed()
    let group: NewLine[] = []
    let groupBytes = 0
    const flush = async () => {
      if (group.length > 0) await write(group, groupBytes)
      group = []
      groupBytes = 0
    }
    for (const line of lines) {
      const bytes = recordHeaderBytes + line.bytes.length
      const fits = admitsAll || sizeBytes + groupBytes + bytes <= maxBytes
      if (!fits || groupBytes + bytes > segmentBytes) await flush()
      await waitForRoom(bytes)
      group.push(line)
      groupBytes += bytes
    }
    await flush()
  }

  const read = async (limit: ReadLimit): Promise<Batch> => {
    const lines: SpooledLine[] = []
    let bytes = 0
    let damaged = 0
    const missed = (upTo: number, damagedBytes: number) => {
      const count = upTo - readSequence
      if (count > 0) onDamage({ lines: count, bytes: damagedBytes })
      damaged += count
      damagedLines += count
      readSequence = upTo
    }
    while (lines.length < limit.count && bytes < limit.bytes && readSequence < nextSequence - 1) {
      const segment = segments.find(({ lastSequence }) => lastSequence > readSequence)
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

  const close = async () => {
    madeRoom()
    await appending.catch(() => undefined)
    for (const { file } of segments) await file.close()
    if (nextSequence - 1 > ackedSequence) return
    for (const { name } of segments) await disk.remove(name)
  }

  return {
    get waiting() {
      return waiting
    },
    get pending() {
      return nextSequence - 1 - ackedSequence - damagedLines
    },
    get sizeBytes() {
      return sizeBytes
    },
    get full() {
      return full
    },
    get allRead() {
      return readSequence >= nextSequence - 1
    },
    append: (lines) => {
      waiting += lines.length
      const result = appending.then(() => append(lines))
      appending = result.catch((error: unknown) => {
        failure ??= error as Error
      })
      return result
    },
    read,
    acked: async (batch) => {
      ackedSequence = Math.max(ackedSequence, batch.lastSequence)
      damagedLines -= batch.damagedLines
      try {
        await writeCursor(disk, ackedSequence)
      } finally {
        await reap()
      }
    },
    appended: () => nextAppend.promise,
    wake,
    admitAll: () => {
      admitsAll = true
      madeRoom()
    },
    close: () => {
      // Set before `close` begins: who is let go must find it.
      closing ??= Promise.resolve().then(close)
      return closing
    },
  }
}

import type { Clock } from '@armature/async/clock'
import type { Disk } from './disk.ts'
import { createNotifier } from './notifier.ts'
import { type NewLines, type ReadLimit, recordHeaderBytes } from './record.ts'
import { type Batch, createSpoolReader } from './spool-reader.ts'
import { type Damage, recover, writeCursor } from './spool-recovery.ts'
import { createSegments } from './spool-segments.ts'
import { createSpoolWriter, type Full } from './spool-writer.ts'

export interface SpoolOptions {
  readonly disk: Disk
  readonly clock: Clock
  /** Bytes of all segments. `append` waits while one more line would exceed it. */
  readonly maxBytes: number
  readonly maxLineBytes: number
  /** `append` waits until the lines would survive a power cut; without it they survive the end of the process only. */
  readonly sync: boolean
  /** Called for lines that can no longer be read. */
  readonly onDamage: (damage: Damage) => void
  /** Gets the number of lines that are dropped for want of room. Default: `append` waits until there is room. */
  readonly onDropped?: ((lines: number) => void) | undefined
  /** How long to wait before trying again to write to a full disk. Default 1,000. */
  readonly diskRetryMs?: number
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
  /** The reason why `append` waits, if it does. */
  readonly full: Full | undefined
  /**
   * Resolves when the lines are held, or were dropped by `onDropped`. Waits while the spool or the disk is full. Rejects when the disk fails otherwise: what
   * was written is then not known, and the spool takes no more.
   */
  append(lines: NewLines): Promise<void>
  /** Some of the next lines, in order; none where all have been read. The line that reaches a limit is still read. */
  read(limit: ReadLimit): Promise<Batch>
  /** The batch, and all that was read before it, is done. Rejects when the cursor cannot be written: then it may repeat. */
  acked(batch: Batch): Promise<void>
  /** Lines held that have not been read. */
  readonly unread: number
  /** Bytes of segments that have not been read. */
  readonly unreadBytes: number
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
  const { segments: found, ackedSequence, nextSequence } = await recover(disk, { sync, onDamage })
  const room = createNotifier()
  const held = createNotifier()
  const segments = createSegments({ disk, sync, segmentBytes, found, ackedSequence, onRemoved: room.notify })
  const writer = createSpoolWriter({
    segments,
    clock,
    maxBytes,
    segmentBytes,
    sync,
    nextSequence,
    diskRetryMs,
    room,
    onHeld: held.notify,
    onDropped: options.onDropped,
  })
  let damagedLines = 0
  const reader = createSpoolReader({
    segments,
    ackedSequence,
    onDamage: (damage) => {
      damagedLines += damage.lines
      onDamage(damage)
    },
  })
  let acked = ackedSequence
  let closing: Promise<void> | undefined

  const close = async () => {
    await writer.close()
    await segments.close()
    if (acked >= writer.lastSequence) await segments.remove()
  }

  return {
    get waiting() {
      return writer.waiting
    },
    get pending() {
      return writer.lastSequence - acked - damagedLines
    },
    get sizeBytes() {
      return segments.sizeBytes
    },
    get full() {
      return writer.full
    },
    get unread() {
      return Math.max(0, writer.lastSequence - reader.sequence)
    },
    get unreadBytes() {
      return reader.unreadBytes
    },
    append: writer.append,
    read: (limit) => reader.read(limit, writer.lastSequence),
    acked: async (batch) => {
      acked = Math.max(acked, batch.lastSequence)
      damagedLines -= batch.damagedLines
      try {
        await writeCursor(disk, acked)
      } finally {
        await segments.acked(acked)
      }
    },
    appended: held.notified,
    wake: held.notify,
    admitAll: writer.admitAll,
    close: () => (closing ??= close()),
  }
}

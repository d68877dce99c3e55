import type { Clock } from '@armature/async/clock'
import type { Notifier } from './notifier.ts'
import { encodeRecords, type NewLines, recordBytes } from './record.ts'
import { reusedBuffer } from './reused-buffer.ts'
import type { Segments } from './spool-segments.ts'

/** The reason why `append` waits: the spool is at its bound, or the disk has no room. */
export type Full = 'bound' | 'disk'

export interface SpoolWriter {
  /** Lines given to `append` that are not held yet. */
  readonly waiting: number
  /** The sequence of the last line that is held. */
  readonly lastSequence: number
  /** The reason why `append` waits, if it does. */
  readonly full: Full | undefined
  /** As `Spool.append`. Calls write one after the other. */
  append(lines: NewLines): Promise<void>
  /** Lets `append` exceed the bound from now on. */
  admitAll(): void
  /** Waits for an append under way, unless that waits itself for room: it rejects. */
  close(): Promise<void>
}

export interface SpoolWriterOptions {
  readonly segments: Segments
  readonly clock: Clock
  /** Bytes of all segments. */
  readonly maxBytes: number
  readonly segmentBytes: number
  readonly sync: boolean
  readonly nextSequence: number
  readonly diskRetryMs: number
  /** Notified when there may be room again. */
  readonly room: Notifier
  /** Lines are held. */
  readonly onHeld: () => void
  /** Gets the number of lines that are dropped for want of room. Default: an append waits until there is room. */
  readonly onDropped?: ((lines: number) => void) | undefined
}

const fullDisk = new Set(['ENOSPC', 'EDQUOT'])

/** Writes lines to the segments and keeps their sizes within the bound. */
export const createSpoolWriter = (options: SpoolWriterOptions): SpoolWriter => {
  const { segments, segmentBytes, sync, onHeld, onDropped } = options
  let { nextSequence } = options
  let waiting = 0
  let appending: Promise<void> = Promise.resolve()
  let failure: Error | undefined
  const gate = roomGate(options)
  /** One write is under way at a time. */
  const memory = reusedBuffer()

  /** Writes some of the lines together. What a failed attempt left behind the end is overwritten by the next. False where they are to be dropped. */
  const write = async (lines: NewLines, from: number, to: number, bytes: number): Promise<boolean> => {
    const segment = await gate.whenDiskHasRoom(async () => {
      const target = await segments.forAppend(bytes, nextSequence)
      const range = { from, to, bytes, firstSequence: nextSequence, salt: target.salt }
      const records = encodeRecords(lines, range, memory)
      await target.file.write(records, target.endBytes)
      return target
    })
    if (segment === undefined) return false
    if (sync) await segment.file.sync()
    nextSequence += to - from
    segments.appended(segment, bytes, nextSequence - 1)
    waiting -= to - from
    onHeld()
    return true
  }

  const drop = (count: number) => {
    waiting -= count
    onDropped?.(count)
  }

  const append = async (lines: NewLines) => {
    if (failure !== undefined) throw failure
    gate.failIfClosed()
    let to = 0
    while (to < lines.count) {
      const from = to
      let bytes = recordBytes(lines, to++, true)
      if (!(await gate.waitForRoom(bytes))) return drop(lines.count - from)
      for (; to < lines.count; to++) {
        const more = bytes + recordBytes(lines, to, false)
        if (more > segmentBytes || !gate.hasRoom(more)) break
        bytes = more
      }
      if (!(await write(lines, from, to, bytes))) return drop(lines.count - from)
    }
  }

  return {
    get waiting() {
      return waiting
    },
    get lastSequence() {
      return nextSequence - 1
    },
    get full() {
      return gate.full
    },
    append: (lines) => {
      waiting += lines.count
      const result = appending.then(() => append(lines))
      appending = result.catch((error: unknown) => {
        failure ??= error as Error
      })
      return result
    },
    admitAll: gate.admitAll,
    close: async () => {
      gate.close()
      await appending
    },
  }
}

/** An append waits for room within the bound, and on the disk. */
const roomGate = ({ segments, clock, maxBytes, diskRetryMs, room, onDropped }: SpoolWriterOptions) => {
  const drops = onDropped !== undefined
  let full: Full | undefined
  let admitsAll = false
  let closed = false

  const failIfClosed = () => {
    if (closed) throw new Error('the spool is closed')
  }

  /** Runs `attempt` until the disk has room for what it writes. Undefined where it has none, and lines are dropped. */
  const whenDiskHasRoom = async <T>(attempt: () => Promise<T>): Promise<T | undefined> => {
    for (;;) {
      try {
        const result = await attempt()
        full = undefined
        return result
      } catch (error) {
        if (!fullDisk.has((error as NodeJS.ErrnoException).code ?? '')) throw error
        failIfClosed()
        full = 'disk'
        if (drops) return undefined
        const cancel = clock.after(diskRetryMs, room.notify)
        await room.notified()
        cancel()
      }
    }
  }

  const hasRoom = (bytes: number): boolean => admitsAll || segments.sizeBytes + bytes <= maxBytes

  /** False where there is none, and lines are dropped. */
  const waitForRoom = async (bytes: number): Promise<boolean> => {
    while (!hasRoom(bytes)) {
      failIfClosed()
      full = 'bound'
      if (drops) return false
      await room.notified()
    }
    full = undefined
    return true
  }

  return {
    get full() {
      return full
    },
    failIfClosed,
    whenDiskHasRoom,
    hasRoom,
    waitForRoom,
    admitAll: () => {
      admitsAll = true
      room.notify()
    },
    close: () => {
      // Set first: an append that is let go must find it.
      closed = true
      room.notify()
    },
  }
}

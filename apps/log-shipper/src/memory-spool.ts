import { randomBytes } from 'node:crypto'
import type { LineFlaw } from './lines.ts'
import { createNotifier } from './notifier.ts'
import type { NewOrigins, Origin, Origins } from './origin.ts'
import { type NewLines, noRecords, type ReadLimit } from './record.ts'
import type { Spool } from './spool.ts'
import type { Batch } from './spool-reader.ts'

interface Appended {
  readonly lines: NewLines
  /** The sequence of its first line. */
  readonly firstSequence: number
  readonly lastSequence: number
  readonly settled: PromiseWithResolvers<void>
}

/**
 * Keeps lines in memory, for input that can wait: `append` resolves when its lines are acknowledged, so no more of the input is held than what
 * was read at once. Nothing survives the process.
 */
export const memorySpool = (): Spool => {
  const idPrefix = `${randomBytes(8).toString('hex')}-`
  const held = createNotifier()
  /** Not acknowledged, the oldest first. */
  const queue: Appended[] = []
  let lastSequence = 0
  let readSequence = 0
  let ackedSequence = 0
  let isClosed = false

  const unreadBytes = () =>
    queue.reduce((sum, { lines, firstSequence }) => {
      let bytes = 0
      for (let index = Math.max(0, readSequence + 1 - firstSequence); index < lines.count; index++) {
        bytes += (lines.ends[index] ?? 0) - (lines.starts[index] ?? 0)
      }
      return sum + bytes
    }, 0)

  const read = (limit: ReadLimit): Batch => {
    const next = queue.find((each) => each.lastSequence > readSequence)
    if (next === undefined) {
      return { ...noRecords, idPrefix, endsEarly: false, lastSequence: readSequence, damagedLines: 0 }
    }
    const { lines, firstSequence } = next
    const from = readSequence + 1 - firstSequence
    let to = from
    for (let bytes = 0; to < lines.count && to - from < limit.count && bytes < limit.bytes; to++) {
      bytes += (lines.ends[to] ?? 0) - (lines.starts[to] ?? 0)
    }
    readSequence = firstSequence + to - 1
    return { ...partOf(next, from, to), idPrefix, endsEarly: lastSequence > readSequence, lastSequence: readSequence }
  }

  return {
    waiting: 0,
    get pending() {
      return lastSequence - ackedSequence
    },
    get sizeBytes() {
      return queue.reduce((sum, { lines }) => sum + lines.data.length, 0)
    },
    full: undefined,
    get unread() {
      return lastSequence - readSequence
    },
    get unreadBytes() {
      return unreadBytes()
    },
    append: (lines) => {
      if (isClosed) return Promise.reject(new Error('the spool is closed'))
      if (lines.count === 0) return Promise.resolve()
      const settled = Promise.withResolvers<void>()
      const firstSequence = lastSequence + 1
      lastSequence += lines.count
      queue.push({ lines, firstSequence, lastSequence, settled })
      held.notify()
      return settled.promise
    },
    read: async (limit) => read(limit),
    acked: async ({ lastSequence: upTo }) => {
      ackedSequence = Math.max(ackedSequence, upTo)
      while (queue[0] !== undefined && queue[0].lastSequence <= ackedSequence) queue.shift()?.settled.resolve()
    },
    appended: held.notified,
    wake: held.notify,
    admitAll: () => undefined,
    close: async () => {
      isClosed = true
      for (const { settled } of queue) settled.reject(new Error('the spool is closed'))
    },
  }
}

/** The lines from `from` to below `to`. */
const partOf = ({ lines, firstSequence }: Appended, from: number, to: number) => {
  const { data, starts, ends, timeMs, timesMs, origins } = lines
  const count = to - from
  const flaws = new Map<number, LineFlaw>()
  for (const [index, flaw] of lines.flaws) if (index >= from && index < to) flaws.set(index - from, flaw)
  return {
    ...{ count, data, flaws, damagedLines: 0 },
    starts: starts.subarray(from, to),
    ends: ends.subarray(from, to),
    sequences: Float64Array.from({ length: count }, (_, index) => firstSequence + from + index),
    timesMs: timesMs?.slice(from, to) ?? new Float64Array(count).fill(timeMs),
    origins: origins && originsOf(origins, from, to),
  }
}

/** As they would be read back from a disk. */
const originsOf = ({ origin, offsets, streamOf }: NewOrigins, from: number, to: number): Origins => ({
  list: [JSON.parse(origin.text.toString()) as Origin],
  of: new Uint32Array(to - from).fill(1),
  offsets: offsets.slice(from, to),
  streamOf: streamOf.slice(from, to),
})

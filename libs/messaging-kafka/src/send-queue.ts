import type { SizedRecord } from './codec.ts'
import type { SizedRunRecord } from './run-records.ts'
import { ring } from '@armature/async/ring'

/** One publish: resolved when all its records are held. */
export interface Call {
  readonly topic: string
  left: number
  /** When it is given up, by `performance.now()`. */
  readonly untilMs: number
  done: boolean
  resolve(): void
  reject(error: Error): void
}

export type QueuedRecord = (SizedRecord | SizedRunRecord) & { readonly call: Call }

/** An identity that the broker gave the producer; with the sequence of each partition it tells a repeat from a new batch. */
export interface ProducerSession {
  readonly producerId: string
  readonly producerEpoch: number
  readonly nextSequence: Map<Lane, number>
}

/** Records that go to a partition together. A batch that is sent again is the same: same records, session and sequence. */
export interface Batch {
  readonly lane: Lane
  readonly records: readonly QueuedRecord[]
  readonly bytes: number
  session: ProducerSession | undefined
  firstSequence: number
}

/** A partition's queue: one batch is under way at a time, so that order is kept and an answer belongs to one batch. */
export interface Lane {
  readonly topic: string
  readonly partition: number
  push(record: QueuedRecord): void
  /** The next batch, or again the one that was given back. Undefined while one is under way, and where nothing waits. */
  take(): Batch | undefined
  /** The batch under way is to be sent again, before all else. Throws for a batch that is not under way. */
  giveBack(batch: Batch): void
  /** Two batches are sent in the place of the one under way, before all else. Throws for a batch that is not under way, or of one record. */
  split(batch: Batch): void
  /** Takes out all that waits, also what was given back, oldest first: the partition is not there any more. */
  empty(): readonly QueuedRecord[]
  /** The batch under way is over. Answers whether more waits. Throws for a batch that is not under way. */
  finish(batch: Batch): boolean
}

export interface LaneLimits {
  readonly maxBytes: number
  readonly maxRecords: number
  /** Records of calls that were given up are left out; they are told here. */
  readonly dropped: (record: QueuedRecord) => void
}

/** An empty lane. */
export const sendLane = (topic: string, partition: number, limits: LaneLimits): Lane => {
  const waiting = ring<QueuedRecord>()
  let underWay: Batch | undefined
  let again: Batch[] = []

  const next = (): Batch | undefined => {
    const records: QueuedRecord[] = []
    let bytes = 0
    for (let first = waiting.first; first !== undefined; first = waiting.first) {
      if (first.call.done) {
        waiting.shift()
        limits.dropped(first)
        continue
      }
      if (records.length > 0 && (bytes + first.bytes > limits.maxBytes || records.length >= limits.maxRecords)) break
      waiting.shift()
      records.push(first)
      bytes += first.bytes
    }
    return records.length === 0 ? undefined : newBatch(records, bytes)
  }

  const newBatch = (records: readonly QueuedRecord[], bytes: number): Batch => ({
    lane,
    records,
    bytes,
    session: undefined,
    firstSequence: 0,
  })

  const land = (batch: Batch) => {
    if (batch !== underWay) throw new Error(`the batch of ${topic}, partition ${partition}, is not under way`)
    underWay = undefined
  }

  const lane: Lane = {
    topic,
    partition,
    push: (record) => waiting.push(record),
    take: () => {
      if (underWay !== undefined) return undefined
      underWay = again.shift() ?? next()
      return underWay
    },
    giveBack: (batch) => {
      land(batch)
      again.unshift(batch)
    },
    split: (batch) => {
      const { records } = batch
      if (records.length < 2) throw new Error(`the batch of ${topic}, partition ${partition}, has one record`)
      land(batch)
      const half = Math.ceil(records.length / 2)
      const halves = [records.slice(0, half), records.slice(half)]
      again.unshift(
        ...halves.map((of) =>
          newBatch(
            of,
            of.reduce((sum, { bytes }) => sum + bytes, 0),
          ),
        ),
      )
    },
    empty: () => {
      const records = again.flatMap((batch) => batch.records)
      again = []
      for (let first = waiting.shift(); first !== undefined; first = waiting.shift()) records.push(first)
      return records
    },
    finish: (batch) => {
      land(batch)
      return again.length > 0 || waiting.length > 0
    },
  }
  return lane
}

const sequences = 2 ** 31

/** The sequence of a new batch; the next one follows its records. It begins again after the largest int32. */
export const takeSequence = (session: ProducerSession, lane: Lane, records: number): number => {
  const first = session.nextSequence.get(lane) ?? 0
  session.nextSequence.set(lane, (first + records) % sequences)
  return first
}

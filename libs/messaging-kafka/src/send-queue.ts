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

/** A partition's queue: some batches may be under way at a time, and each answer belongs to one of them. */
export interface Lane {
  readonly topic: string
  readonly partition: number
  /** Enough waits for a batch that goes beside others. */
  readonly isFull: boolean
  /** No batch is under way. */
  readonly isIdle: boolean
  push(record: QueuedRecord): void
  /**
   * The next batch, which is under way from now on, with a sequence of `session` where it has none yet. What was given back goes again first,
   * one batch at a time, as it was. Beside others goes only a full batch, and only in a session of which the broker has just confirmed a batch:
   * it refuses what comes behind a gap then. Undefined where none may go.
   */
  take(session: ProducerSession | undefined): Batch | undefined
  /** Whether all batches before it are over. */
  isOldest(batch: Batch): boolean
  /** The batch is to be sent again, in its place. Throws for a batch that is not under way. */
  giveBack(batch: Batch): void
  /** Two batches are sent in the place of this one. Throws for a batch that is not under way, or of one record. */
  split(batch: Batch): void
  /** Takes out all that waits, also what was given back, oldest first: the partition is not there any more. Throws while a batch is under way. */
  empty(): readonly QueuedRecord[]
  /** The broker holds the batch. Answers whether more waits. Throws for a batch that is not under way. */
  held(batch: Batch): boolean
  /** The batch will not be sent any more. Answers whether more waits. Throws for a batch that is not under way. */
  drop(batch: Batch): boolean
}

export interface LaneLimits {
  readonly maxBytes: number
  readonly maxRecords: number
  /** A batch goes beside others from so many bytes on. */
  readonly fullBytes: number
  /** Records of calls that were given up are left out; they are told here. */
  readonly dropped: (record: QueuedRecord) => void
}

/** Kafka recognises the last five batches of a producer in a partition when they come again: no more than these are ever in doubt. */
const maxOpenBatches = 5
/** A broker forgets a session that was not used for a day, or as `producer.id.expiration.ms` says. */
const surelyKnownMs = 1_000

/** A batch from when it is taken until it, and all before it, are over. */
interface OpenBatch {
  readonly batch: Batch
  state: 'under way' | 'given back' | 'over'
}

/** An empty lane. */
export const sendLane = (topic: string, partition: number, limits: LaneLimits): Lane => {
  const waiting = waitingRecords(limits)
  /** Oldest first. */
  let open: OpenBatch[] = []
  /** The session of the last batch that the broker has confirmed, and when that was. */
  let confirmed: ProducerSession | undefined
  let confirmedMs = 0

  const firstOf = (state: OpenBatch['state']) => open.find((each) => each.state === state)

  const newBatch = (records: readonly QueuedRecord[]): Batch => {
    let bytes = 0
    for (const each of records) bytes += each.bytes
    return { lane, records, bytes, session: undefined, firstSequence: 0 }
  }

  const next = (): OpenBatch | undefined => {
    const records = waiting.take()
    if (records.length === 0) return undefined
    const opened: OpenBatch = { batch: newBatch(records), state: 'under way' }
    open.push(opened)
    return opened
  }

  /** The broker knows the session, and so refuses a batch behind a gap. One that does not know it takes any sequence. */
  const isKnown = (session: ProducerSession): boolean =>
    session === confirmed && performance.now() - confirmedMs < surelyKnownMs

  const mayGoBeside = (session: ProducerSession | undefined): boolean =>
    open.length < maxOpenBatches &&
    waiting.isFull &&
    session !== undefined &&
    isKnown(session) &&
    open.every(({ batch }) => batch.session === session)

  const choose = (session: ProducerSession | undefined): OpenBatch | undefined => {
    const again = firstOf('given back')
    if (firstOf('under way') === undefined) return again ?? next()
    return again === undefined && mayGoBeside(session) ? next() : undefined
  }

  const underWay = (batch: Batch): OpenBatch => {
    const found = open.find((each) => each.batch === batch)
    if (found?.state !== 'under way') throw new Error(`the batch of ${topic}, partition ${partition}, is not under way`)
    return found
  }

  const drop = (batch: Batch): boolean => {
    underWay(batch).state = 'over'
    while (open[0]?.state === 'over') open.shift()
    return firstOf('given back') !== undefined || waiting.length > 0
  }

  const lane: Lane = {
    topic,
    partition,
    get isFull() {
      return waiting.isFull
    },
    get isIdle() {
      return firstOf('under way') === undefined
    },
    push: waiting.push,
    take: (session) => {
      const chosen = choose(session)
      if (chosen === undefined) return undefined
      chosen.state = 'under way'
      if (session !== undefined) takeSequence(session, chosen.batch)
      return chosen.batch
    },
    isOldest: (batch) => open[0]?.batch === batch,
    giveBack: (batch) => {
      underWay(batch).state = 'given back'
    },
    split: (batch) => {
      const { records } = batch
      if (records.length < 2) throw new Error(`the batch of ${topic}, partition ${partition}, has one record`)
      const place = open.indexOf(underWay(batch))
      const half = Math.ceil(records.length / 2)
      const halves = [records.slice(0, half), records.slice(half)].map(newBatch)
      open.splice(place, 1, ...halves.map((each): OpenBatch => ({ batch: each, state: 'given back' })))
    },
    empty: () => {
      if (!lane.isIdle) throw new Error(`a batch of ${topic}, partition ${partition}, is under way`)
      const again = open.filter(({ state }) => state === 'given back')
      open = []
      confirmed = undefined
      return [...again.flatMap(({ batch }) => batch.records), ...waiting.empty()]
    },
    held: (batch) => {
      const more = drop(batch)
      confirmed = batch.session
      confirmedMs = performance.now()
      return more
    },
    drop,
  }
  return lane
}

/** The records of a lane that are in no batch yet. */
const waitingRecords = ({ maxBytes, maxRecords, fullBytes, dropped }: LaneLimits) => {
  const records = ring<QueuedRecord>()
  let waitingBytes = 0

  const shift = (): QueuedRecord | undefined => {
    const first = records.shift()
    waitingBytes -= first?.bytes ?? 0
    return first
  }

  return {
    get length() {
      return records.length
    },
    get isFull() {
      return waitingBytes >= Math.min(fullBytes, maxBytes) || records.length >= maxRecords
    },
    push: (record: QueuedRecord) => {
      records.push(record)
      waitingBytes += record.bytes
    },
    /** Those of the next batch. */
    take: (): readonly QueuedRecord[] => {
      const taken: QueuedRecord[] = []
      let bytes = 0
      for (let first = records.first; first !== undefined; first = records.first) {
        if (first.call.done) {
          shift()
          dropped(first)
          continue
        }
        if (taken.length > 0 && (bytes + first.bytes > maxBytes || taken.length >= maxRecords)) break
        shift()
        taken.push(first)
        bytes += first.bytes
      }
      return taken
    },
    /** All of them, oldest first. */
    empty: (): readonly QueuedRecord[] => {
      const all: QueuedRecord[] = []
      for (let first = shift(); first !== undefined; first = shift()) all.push(first)
      return all
    },
  }
}

const sequences = 2 ** 31

/**
 * Gives a batch that has none yet a session and its sequence in it. The sequence of the next one follows its records, and begins again after the
 * largest int32.
 */
export const takeSequence = (session: ProducerSession, batch: Batch): void => {
  if (batch.session !== undefined) return
  const { lane, records } = batch
  const first = session.nextSequence.get(lane) ?? 0
  session.nextSequence.set(lane, (first + records.length) % sequences)
  batch.session = session
  batch.firstSequence = first
}

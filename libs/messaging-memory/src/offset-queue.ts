import { heap } from '@armature/async/heap'
import type { AckTracker } from '@armature/messaging-kit/ack-tracker'
import type { Delays } from './delays.ts'
import { keyOrder } from './key-order.ts'
import type { PartitionLog } from './log.ts'

/** How the member that reads a partition wants its messages. */
export interface ReadOrder {
  readonly serial: boolean
  /** Also the bound on messages of the partition that wait behind their keys. */
  readonly maxInFlight: number
}

/** The offsets of one partition that one group has yet to settle, in the order in which they are due. */
export interface OffsetQueue {
  /** Whether `next` may answer an offset. */
  readonly mayHaveNext: boolean
  /** The offset to deliver next; -1 when there is none now. Stable until `take`. */
  next(order: ReadOrder): number
  /** Takes the offset that `next` answered out. Answers which delivery of its message begins, 1 for the first. */
  take(): { readonly offset: number; readonly attempt: number }
  /** The message is handled. */
  settle(offset: number, attempt: number): void
  /** The message is due again: now, or with a delay, after which `onDue` is called. */
  again(offset: number, attempt: number): void
  againAfter(delayMs: number, offset: number, attempt: number, onDue: () => void): void
  /** Begins anew for another member: the oldest unsettled message of a key comes first. */
  restart(order: ReadOrder | undefined): void
  /** The group is gone: nothing is due any more. */
  end(): void
}

export interface OffsetQueueParts {
  readonly log: PartitionLog
  /** The first offset that the group reads. */
  readonly start: number
  readonly tracker: AckTracker
  readonly delays: Delays
  /** Something was settled. */
  readonly onSettled: () => void
}

/** A queue that has looked at nothing yet. */
export const offsetQueue = ({ log, start, tracker, delays, onSettled }: OffsetQueueParts): OffsetQueue => {
  const { partition } = log
  const order = keyOrder((offset) => log.at(offset).key)
  /** The next offset never looked at. */
  let cursor = start
  /** The offset that `next` chose; -1 = nothing yet. */
  let chosen = -1
  /** To be delivered before what is at the cursor, the lowest first. */
  const due = heap()
  /** Rejected, until their delay is over. */
  const delayed = new Set<number>()
  /** How often an offset was delivered and not acknowledged. */
  const attempts = new Map<number, number>()

  const settle = (offset: number) => {
    const next = order.isEmpty ? undefined : order.leave(offset)
    if (next !== undefined) due.push(next)
    tracker.settled(partition, offset)
    onSettled()
  }

  return {
    get mayHaveNext() {
      return chosen >= 0 || due.size > 0 || cursor < log.end
    },
    next: ({ serial, maxInFlight }) => {
      while (chosen < 0) {
        let offset = due.pop()
        if (offset === undefined) {
          if (cursor >= log.end || order.waiting >= maxInFlight) return -1
          offset = cursor++
          tracker.received(partition, offset)
        }
        if (log.isRemoved(offset)) {
          attempts.delete(offset)
          settle(offset)
        } else if (!serial || order.enter(offset)) chosen = offset
      }
      return chosen
    },
    take: () => {
      const offset = chosen
      chosen = -1
      return { offset, attempt: 1 + (attempts.size === 0 ? 0 : (attempts.get(offset) ?? 0)) }
    },
    settle: (offset, attempt) => {
      if (attempt > 1) attempts.delete(offset)
      settle(offset)
    },
    again: (offset, attempt) => {
      attempts.set(offset, attempt)
      due.push(offset)
    },
    againAfter: (delayMs, offset, attempt, onDue) => {
      attempts.set(offset, attempt)
      delayed.add(offset)
      delays.add(delayMs, () => {
        if (!delayed.delete(offset)) return
        due.push(offset)
        onDue()
      })
    },
    restart: (wanted) => {
      if (chosen >= 0) due.push(chosen)
      chosen = -1
      for (const offset of order.clear()) due.push(offset)
      if (wanted?.serial !== true) return
      const all = due.drain()
      for (const offset of [...all, ...delayed].sort((a, b) => a - b)) order.reserve(offset)
      for (const offset of all) due.push(offset)
    },
    end: () => {
      delayed.clear()
      order.clear()
    },
  }
}

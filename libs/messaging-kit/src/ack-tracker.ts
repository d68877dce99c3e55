import { elementAt } from '@armature/async/element-at'

/**
 * Which offsets of which partitions are done, so that a consumer commits only below its oldest unfinished message. One
 * for a topic and a group. Every call is O(1) amortised while offsets arrive in ascending order. Its size is that of the
 * span between the oldest unfinished offset and the newest: bound that by `maxInFlight`.
 */
export interface AckTracker {
  /**
   * `offset` was received. Gaps are allowed: a compacted topic has them. One already known is not counted again. One below
   * those received before is taken in its place, but never takes back what was committable. Answers the partition's
   * epoch, to be given to `settled`. Throws RangeError unless `offset` is a safe integer, 0 or more.
   */
  received(partition: number, offset: number): number
  /**
   * `offset` is done. Answers whether it counted: not where the epoch is one before a `reset`, nor where the offset was not
   * received or is done already.
   */
  settled(partition: number, offset: number, epoch?: number): boolean
  /**
   * One past the highest offset done below the oldest unfinished, which is what Kafka wants committed; undefined where
   * nothing is. Never goes down but by `reset`.
   */
  committable(partition: number): number | undefined
  /** Offsets received and not done. */
  unfinished(partition: number): number
  /** Forgets the partition (or all) after a rebalance and begins a new epoch. */
  reset(partition?: number): void
}

interface Tracked {
  epoch: number
  /** Received offsets from the oldest unfinished on, ascending; those before `head` are gone. */
  offsets: number[]
  head: number
  /** Those of `offsets` that were done out of turn. */
  readonly done: Set<number>
  committable: number | undefined
}

/** Gone entries are cut off once they are this many and the larger half. */
const compactAt = 1024

/** A tracker that has received nothing. */
export const ackTracker = (): AckTracker => {
  const partitions = new Map<number, Tracked>()

  const tracked = (partition: number): Tracked => {
    const known = partitions.get(partition)
    if (known !== undefined) return known
    const created: Tracked = { epoch: 0, offsets: [], head: 0, done: new Set(), committable: undefined }
    partitions.set(partition, created)
    return created
  }

  const clear = (it: Tracked) => {
    it.epoch++
    it.offsets = []
    it.head = 0
    it.done.clear()
    it.committable = undefined
  }

  return {
    received: (partition, offset) => {
      if (!Number.isSafeInteger(offset) || offset < 0) {
        throw new RangeError(`offset ${offset} of partition ${partition}: give a safe integer, 0 or more`)
      }
      const it = tracked(partition)
      const { offsets } = it
      const last = offsets.length > it.head ? offsets[offsets.length - 1] : undefined
      if (last === undefined ? offset >= (it.committable ?? 0) : offset > last) offsets.push(offset)
      else insertLate(it, offset)
      return it.epoch
    },
    settled: (partition, offset, epoch) => {
      const it = partitions.get(partition)
      if (it === undefined || (epoch !== undefined && epoch !== it.epoch)) return false
      const { offsets, done } = it
      if (offset !== offsets[it.head]) {
        if (done.has(offset) || placeOf(it, offset, true) < 0) return false
        done.add(offset)
        return true
      }
      let highest = offset
      it.head++
      while (done.size > 0 && it.head < offsets.length && done.delete(elementAt(offsets, it.head))) {
        highest = elementAt(offsets, it.head++)
      }
      it.committable = Math.max(it.committable ?? 0, highest + 1)
      if (it.head === offsets.length) {
        offsets.length = 0
        it.head = 0
      } else if (it.head >= compactAt && it.head * 2 > offsets.length) {
        offsets.splice(0, it.head)
        it.head = 0
      }
      return true
    },
    committable: (partition) => partitions.get(partition)?.committable,
    unfinished: (partition) => {
      const it = partitions.get(partition)
      return it === undefined ? 0 : it.offsets.length - it.head - it.done.size
    },
    reset: (partition) => {
      if (partition !== undefined) clear(tracked(partition))
      else for (const it of partitions.values()) clear(it)
    },
  }
}

/** The index of `offset` by binary search; where it is missing, -1 if `exact`, else where it belongs. */
const placeOf = ({ offsets, head }: Tracked, offset: number, exact: boolean): number => {
  let low = head
  let high = offsets.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (elementAt(offsets, middle) < offset) low = middle + 1
    else high = middle
  }
  return exact && offsets[low] !== offset ? -1 : low
}

const insertLate = (it: Tracked, offset: number) => {
  const place = placeOf(it, offset, false)
  if (it.offsets[place] !== offset) it.offsets.splice(place, 0, offset)
}

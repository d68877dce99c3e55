import { elementAt } from '@armature/async/element-at'
import { keyHash } from '@armature/async/key-hash'
import { ring, type Ring } from '@armature/async/ring'

export interface QueuedEvent {
  readonly topic: string
  readonly event: unknown
  /** Ascends in the order in which events were queued. */
  readonly place: number
}

/** The queue of a bus: one that all lanes share, and one for each lane's keys. Oldest first, every call O(1) but for `shiftOldest`. */
export interface BusQueue {
  readonly length: number
  push(topic: string, event: unknown, key: string | undefined): void
  /** The oldest event that is for this lane. */
  shift(lane: number): QueuedEvent | undefined
  /** The oldest of all; O(lanes). */
  shiftOldest(): QueuedEvent | undefined
}

const placeOf = (queue: Ring<QueuedEvent>): number => queue.first?.place ?? Infinity

/** An empty queue for so many lanes. It bounds nothing: the bus does. */
export const busQueue = (lanes: number): BusQueue => {
  const shared = ring<QueuedEvent>()
  const own = Array.from({ length: lanes }, () => ring<QueuedEvent>())
  let place = 0
  let length = 0

  const older = (one: Ring<QueuedEvent>, other: Ring<QueuedEvent>): Ring<QueuedEvent> =>
    other.length > 0 && placeOf(other) < placeOf(one) ? other : one

  const shift = (queue: Ring<QueuedEvent>): QueuedEvent | undefined => {
    const found = queue.shift()
    if (found !== undefined) length--
    return found
  }

  return {
    get length() {
      return length
    },
    push: (topic, event, key) => {
      const queue = key === undefined ? shared : elementAt(own, keyHash(key) % lanes)
      queue.push({ topic, event, place: place++ })
      length++
    },
    shift: (lane) => shift(older(shared, elementAt(own, lane))),
    shiftOldest: () => shift(own.reduce(older, shared)),
  }
}

import type { AckTracker } from '@armature/messaging-kit/ack-tracker'
import { Lease } from '@armature/messaging/lease'
import type { Delays } from './delays.ts'
import type { PartitionLog } from './log.ts'
import { offsetQueue, type ReadOrder } from './offset-queue.ts'

/** One delivery that is not settled. */
export interface Flight {
  readonly lane: Lane
  readonly offset: number
  readonly attempt: number
  /** The size of the body. */
  readonly bytes: number
  /** `open`: unsettled. `taken-back`: how its handler settles counts for nothing. */
  state: 'open' | 'settled' | 'taken-back'
  readonly lease: Lease
}

/** The member of a group that a lane delivers to. */
export interface LaneOwner extends ReadOrder {
  /** The lane may have something to deliver: ask it by `peek`. */
  offer(lane: Lane): void
  /** The lane has nothing for this owner any more. */
  withdraw(lane: Lane): void
  /** A delivery was taken back unsettled. */
  takenBack(flight: Flight): void
}

/**
 * One partition as one group reads it: what comes next, what is unsettled, what waits. It belongs to one member at a time.
 * When a rebalance aims it at another, it delivers nothing until what the present owner has is settled or taken back.
 */
export interface Lane {
  readonly log: PartitionLog
  /** The group, in words for an error. */
  readonly reader: string
  readonly owner: LaneOwner | undefined
  readonly target: LaneOwner | undefined
  /** The lowest offset that the group still needs. */
  readonly floor: number
  /** Kept by the owner: whether it knows that the lane may have something. */
  listed: boolean
  /** The offset to deliver next; -1 when there is none now. Stable until `take`. */
  peek(): number
  /** Begins the delivery of the offset that `peek` answered. */
  take(): Flight
  ack(flight: Flight): void
  /** It comes again after `delayMs`. */
  reject(flight: Flight, delayMs: number): void
  /** The log has grown. */
  appended(): void
  aim(target: LaneOwner | undefined): void
  /** Takes back what is unsettled, to be delivered again at once. */
  release(): void
  /** The group is gone: nothing comes any more, but what is unsettled may still be settled. */
  end(): void
}

export interface LaneParts {
  readonly log: PartitionLog
  readonly reader: string
  /** The first offset that the group reads. */
  readonly start: number
  readonly tracker: AckTracker
  readonly delays: Delays
  /** Called when `floor` may have risen. */
  readonly advanced: () => void
}

/** `moving`: aimed at another member, while the owner has something unsettled. `ended`: the group is gone. */
type Ownership =
  | { readonly name: 'owned'; readonly owner: LaneOwner | undefined }
  | { readonly name: 'moving'; readonly owner: LaneOwner | undefined; readonly target: LaneOwner | undefined }
  | { readonly name: 'ended'; readonly owner: LaneOwner | undefined }

/** A lane without an owner, which delivers nothing until it is aimed at one. */
export const createLane = ({ log, reader, start, tracker, delays, advanced }: LaneParts): Lane => {
  const queue = offsetQueue({ log, start, tracker, delays, onSettled: advanced })
  const flights = new Set<Flight>()
  let state: Ownership = { name: 'owned', owner: undefined }

  const offer = () => {
    if (!lane.listed && state.name === 'owned' && queue.mayHaveNext) state.owner?.offer(lane)
  }

  /** Gives the lane to the member it is aimed at, once its owner has nothing unsettled. Else offers what is due. */
  const proceed = () => {
    if (state.name !== 'moving') return offer()
    if (flights.size > 0) return
    state = { name: 'owned', owner: state.target }
    queue.restart(state.owner)
    offer()
  }

  const lane: Lane = {
    log,
    reader,
    listed: false,
    get owner() {
      return state.owner
    },
    get target() {
      if (state.name === 'ended') return undefined
      return state.name === 'moving' ? state.target : state.owner
    },
    get floor() {
      return tracker.committable(log.partition) ?? start
    },
    peek: () => (state.name === 'owned' && state.owner !== undefined ? queue.next(state.owner) : -1),
    take: () => {
      const { offset, attempt } = queue.take()
      const bytes = log.at(offset).body.byteLength
      const flight: Flight = { lane, offset, attempt, bytes, state: 'open', lease: new Lease() }
      flights.add(flight)
      return flight
    },
    ack: (flight) => {
      flight.state = 'settled'
      flights.delete(flight)
      queue.settle(flight.offset, flight.attempt)
      proceed()
    },
    reject: (flight, delayMs) => {
      flight.state = 'settled'
      flights.delete(flight)
      if (state.name !== 'ended') queue.againAfter(delayMs, flight.offset, flight.attempt, offer)
      if (state.name === 'moving') proceed()
    },
    appended: offer,
    aim: (target) => {
      if (state.name === 'ended' || lane.target === target) return
      const { owner } = state
      if (owner === target) {
        state = { name: 'owned', owner }
        return offer()
      }
      state = { name: 'moving', owner, target }
      owner?.withdraw(lane)
      proceed()
    },
    release: () => {
      for (const flight of flights) {
        flight.state = 'taken-back'
        if (state.name !== 'ended') queue.again(flight.offset, flight.attempt)
        state.owner?.takenBack(flight)
      }
      flights.clear()
      proceed()
    },
    end: () => {
      state = { name: 'ended', owner: state.owner }
      queue.end()
    },
  }
  return lane
}

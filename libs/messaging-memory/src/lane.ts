import type { AckTracker } from '@armature/messaging-kit/ack-tracker'
import { element } from '@armature/async/element'
import type { Delays } from './delays.ts'
import { heap } from '@armature/async/heap'
import type { PartitionLog } from './log.ts'

/** One delivery that is not settled. */
export interface Flight {
  readonly lane: Lane
  readonly offset: number
  readonly attempt: number
  readonly bytes: number
  /** False once it is settled or was taken back: what its handler says then comes too late. */
  open: boolean
  isTakenBack: boolean
  /** Of the delivery's signal. */
  controller: AbortController | undefined
}

/** The member of a group that a lane delivers to. */
export interface LaneOwner {
  readonly serial: boolean
  readonly maxInFlight: number
  /** The lane may have something to deliver: ask it by `peek`. */
  offer(lane: Lane): void
  /** The lane has nothing for this owner any more. */
  withdraw(lane: Lane): void
  /** A delivery was taken back unsettled. */
  takenBack(flight: Flight): void
}

/**
 * One partition as one group reads it: what comes next, what is unsettled, what waits. It belongs to one member at a time.
 * When a rebalance aims it at another, it delivers nothing until what the present owner holds is settled or taken back.
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
  /** Begins the delivery of what `peek` answered. */
  take(): Flight
  ack(flight: Flight): void
  /** It comes again after `delayMs`. */
  reject(flight: Flight, delayMs: number): void
  /** The log has grown. */
  appended(): void
  aim(target: LaneOwner | undefined): void
  /** Takes back what is unsettled, to be delivered again at once. Answers how many. */
  release(): number
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

/** Under `serial: 'key'`: whose turn it is among the messages of one key, and those behind it, ascending. */
interface Gate {
  holder: number
  readonly parked: number[]
}

const ascending = (a: number, b: number) => a - b

/** A lane without an owner, which delivers nothing until it is aimed at one. */
export const createLane = ({ log, reader, start, tracker, delays, advanced }: LaneParts): Lane => {
  const { partition } = log
  let owner: LaneOwner | undefined
  let target: LaneOwner | undefined
  /** The next offset never looked at. */
  let cursor = start
  /** What `peek` chose; -1 = nothing yet. */
  let head = -1
  let ended = false
  let parked = 0
  const flights = new Set<Flight>()
  /** To be delivered again, now. */
  const due = heap()
  /** Rejected, waiting for their delay. */
  const waiting = new Set<number>()
  /** How often an offset was delivered and not acknowledged. */
  const attempts = new Map<number, number>()
  const gates = new Map<string, Gate>()

  const offer = () => {
    if (
      !lane.listed &&
      !ended &&
      owner !== undefined &&
      owner === target &&
      (head >= 0 || due.size > 0 || cursor < log.end)
    ) {
      owner.offer(lane)
    }
  }

  /** Whether it is the offset's turn; else it is parked behind its key. */
  const passes = (offset: number): boolean => {
    const { key } = log.at(offset)
    if (key === undefined) return true
    const gate = gates.get(key)
    if (gate === undefined) {
      gates.set(key, { holder: offset, parked: [] })
      return true
    }
    if (gate.holder === offset) return true
    parked++
    gate.parked.push(offset)
    const { length } = gate.parked
    if (length > 1 && element(gate.parked, length - 2) > offset) gate.parked.sort(ascending)
    return false
  }

  const passOn = (offset: number) => {
    const { key } = log.at(offset)
    if (key === undefined) return
    const gate = gates.get(key)
    if (gate === undefined || gate.holder !== offset) return
    const next = gate.parked.shift()
    if (next === undefined) {
      gates.delete(key)
      return
    }
    parked--
    gate.holder = next
    due.push(next)
  }

  /** What was removed from the log is as good as acknowledged. */
  const forget = (offset: number) => {
    attempts.delete(offset)
    if (gates.size > 0) passOn(offset)
    tracker.settled(partition, offset)
    advanced()
  }

  /** What a lane knows of turns is made anew for a new owner, so that the oldest unsettled message of a key goes first. */
  const handOver = () => {
    owner = target
    if (ended) return
    if (head >= 0) due.push(head)
    head = -1
    for (const gate of gates.values()) for (const offset of gate.parked) due.push(offset)
    gates.clear()
    parked = 0
    if (owner?.serial === true) {
      const again = due.drain()
      for (const offset of [...again, ...waiting].sort(ascending)) {
        const { key } = log.at(offset)
        if (key !== undefined && !gates.has(key)) gates.set(key, { holder: offset, parked: [] })
      }
      for (const offset of again) due.push(offset)
    }
    offer()
  }

  const lane: Lane = {
    log,
    reader,
    listed: false,
    get owner() {
      return owner
    },
    get target() {
      return target
    },
    get floor() {
      return tracker.committable(partition) ?? start
    },
    peek: () => {
      if (head >= 0) return head
      if (owner === undefined || owner !== target || ended) return -1
      for (;;) {
        let offset = due.pop()
        if (offset === undefined) {
          if (cursor >= log.end || parked >= owner.maxInFlight) return -1
          offset = cursor++
          tracker.received(partition, offset)
        }
        if (log.isRemoved(offset)) forget(offset)
        else if (!owner.serial || passes(offset)) return (head = offset)
      }
    },
    take: () => {
      const offset = head
      head = -1
      const earlier = attempts.size === 0 ? 0 : (attempts.get(offset) ?? 0)
      const bytes = log.at(offset).body.byteLength
      const flight: Flight = {
        lane,
        offset,
        attempt: earlier + 1,
        bytes,
        open: true,
        isTakenBack: false,
        controller: undefined,
      }
      flights.add(flight)
      return flight
    },
    ack: (flight) => {
      flight.open = false
      flights.delete(flight)
      if (flight.attempt > 1) attempts.delete(flight.offset)
      if (gates.size > 0 && !ended) passOn(flight.offset)
      tracker.settled(partition, flight.offset)
      advanced()
      if (owner !== target && flights.size === 0) handOver()
      else offer()
    },
    reject: (flight, delayMs) => {
      const { offset } = flight
      flight.open = false
      flights.delete(flight)
      if (!ended) {
        attempts.set(offset, flight.attempt)
        waiting.add(offset)
        delays.add(delayMs, () => {
          if (!waiting.delete(offset)) return
          due.push(offset)
          offer()
        })
      }
      if (owner !== target && flights.size === 0) handOver()
    },
    appended: offer,
    aim: (wanted) => {
      if (target === wanted) return
      target = wanted
      if (owner === target) return offer()
      owner?.withdraw(lane)
      if (flights.size === 0) handOver()
    },
    release: () => {
      const count = flights.size
      for (const flight of flights) {
        flight.open = false
        if (!ended) {
          attempts.set(flight.offset, flight.attempt)
          due.push(flight.offset)
        }
        owner?.takenBack(flight)
      }
      flights.clear()
      if (owner !== target) handOver()
      else offer()
      return count
    },
    end: () => {
      ended = true
      waiting.clear()
    },
  }
  return lane
}

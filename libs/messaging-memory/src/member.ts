import { element } from '@armature/async/element'
import type { MemoryBooks } from './books.ts'
import type { Flight, Lane, LaneOwner } from './lane.ts'
import type { Runner, Scheduler } from './scheduler.ts'
import type { Delivery, Handler, Subscription } from '@armature/messaging/ports'
import type { Random } from '@armature/async/random'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'

export interface MemberParts extends SubscribeSettings {
  readonly pattern: string
  readonly handle: Handler
  readonly random: Random
  readonly scheduler: Scheduler
  readonly books: MemoryBooks
  /** The member takes nothing new: its lanes are to go to others. Called once. */
  readonly leave: (member: Member) => void
  /** The member is closed: what it has unsettled is to be taken back. Called once, after `leave`. */
  readonly release: (member: Member) => void
}

/** A subscription as the broker sees it: what delivers to one handler. */
export interface Member extends LaneOwner {
  readonly pattern: string
  readonly subscription: Subscription
}

/** A member that has no lanes yet: its group aims them at it. */
export const createMember = (parts: MemberParts): Member => {
  const { handle, random, scheduler, books, maxInFlight, maxInFlightBytes, redeliveryDelayMs } = parts
  /** Lanes that may have something to deliver, in no order. */
  const ready: Lane[] = []
  /** The lane whose next message found no room in bytes: it goes first, so that a large message is not passed for ever. */
  let stalled: Lane | undefined
  /** Whether `stalled` waits for something to be settled. */
  let blocked = false
  let inFlight = 0
  let inFlightBytes = 0
  let stopped = false
  let closed = false
  let whenIdle: (() => void)[] = []

  const wake = () => {
    if (runner.runnable) scheduler.wake(runner)
  }

  const left = (flight: Flight) => {
    inFlight--
    inFlightBytes -= flight.bytes
    blocked = false
    if (inFlight > 0) return
    const due = whenIdle
    whenIdle = []
    for (const resolve of due) resolve()
  }

  const settle = (flight: Flight, acknowledged: boolean) => {
    if (!flight.open) {
      books.fenced++
      return
    }
    left(flight)
    if (acknowledged) {
      books.acked++
      flight.lane.ack(flight)
    } else {
      books.rejected++
      flight.lane.reject(flight, redeliveryDelayMs)
    }
    wake()
  }

  const run = (flight: Flight) => {
    const { offset, lane } = flight
    const position = { partition: lane.log.partition, offset }
    const delivery: Delivery = {
      ...lane.log.at(offset),
      attempt: flight.attempt,
      position,
      get signal() {
        return controllerOf(flight).signal
      },
    }
    inFlight++
    inFlightBytes += flight.bytes
    books.delivered++
    let outcome: Promise<void>
    try {
      outcome = Promise.resolve(handle(delivery))
    } catch {
      settle(flight, false)
      return
    }
    outcome.then(
      () => settle(flight, true),
      () => settle(flight, false),
    )
  }

  const unlist = (lane: Lane) => {
    lane.listed = false
    const last = ready.pop()
    if (last !== undefined && last !== lane) ready[ready.indexOf(lane)] = last
  }

  const runner: Runner = {
    queued: false,
    get runnable() {
      return ready.length > 0 && inFlight < maxInFlight && !blocked
    },
    deliver: (limit) => {
      let delivered = 0
      while (delivered < limit && runner.runnable) {
        const lane = stalled ?? element(ready, ready.length === 1 ? 0 : random.below(ready.length))
        const offset = lane.peek()
        if (offset < 0) {
          unlist(lane)
          continue
        }
        if (inFlight > 0 && inFlightBytes + lane.log.at(offset).body.byteLength > maxInFlightBytes) {
          stalled = lane
          blocked = true
          break
        }
        stalled = undefined
        run(lane.take())
        delivered++
      }
      return delivered
    },
  }

  const stop = () => {
    if (stopped) return
    stopped = true
    parts.leave(member)
  }

  const subscription: Subscription = {
    stop: async () => stop(),
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))),
    get inFlight() {
      return inFlight
    },
    close: async () => {
      stop()
      if (closed) return
      closed = true
      parts.release(member)
    },
  }

  const member: Member = {
    pattern: parts.pattern,
    serial: parts.serial,
    maxInFlight,
    subscription,
    offer: (lane) => {
      lane.listed = true
      ready.push(lane)
      wake()
    },
    withdraw: (lane) => {
      if (lane.listed) unlist(lane)
      if (stalled !== lane) return
      stalled = undefined
      blocked = false
      wake()
    },
    takenBack: (flight) => {
      flight.isTakenBack = true
      flight.controller?.abort(lost())
      books.returned++
      left(flight)
      wake()
    },
  }
  return member
}

const lost = () => new Error("the message is the broker's again: it comes again")

/** Made when somebody asks for the signal, which costs. */
const controllerOf = (flight: Flight): AbortController => {
  flight.controller ??= new AbortController()
  if (flight.isTakenBack && !flight.controller.signal.aborted) flight.controller.abort(lost())
  return flight.controller
}

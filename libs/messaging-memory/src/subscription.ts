import { latch } from '@armature/async/latch'
import { leased } from '@armature/messaging/lease'
import type { Random } from '@armature/async/random'
import type { Delivery, Handler, Subscription } from '@armature/messaging/ports'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { MemoryBooks } from './books.ts'
import type { Flight, LaneOwner } from './lane.ts'
import { readyLanes } from './ready-lanes.ts'
import type { Runner, Scheduler } from './scheduler.ts'

export interface MemberParts {
  readonly pattern: string
  readonly handle: Handler
  readonly settings: SubscribeSettings
  readonly random: Random
  readonly scheduler: Scheduler
  readonly books: MemoryBooks
  /** The member takes nothing new: its lanes are to go to others. Called once. */
  readonly leave: (member: Member) => void
  /** The member is closed: what it has unsettled is to be taken back. Called once, after `leave`. */
  readonly release: (member: Member) => void
}

/** A subscription as the broker sees it: a member of a group, which delivers to one handler. */
export interface Member extends LaneOwner {
  readonly pattern: string
  readonly subscription: Subscription
}

/** A member that has no lanes yet: its group aims them at it. */
export const createMember = (parts: MemberParts): Member => {
  const { random, scheduler, books } = parts
  const { serial, maxInFlight, maxInFlightBytes, redeliveryDelayMs } = parts.settings
  const lanes = readyLanes(random)
  const whenIdle = latch()
  let inFlight = 0
  let inFlightBytes = 0

  const fits = (bytes: number) => inFlight === 0 || inFlightBytes + bytes <= maxInFlightBytes

  const runner: Runner = {
    queued: false,
    get runnable() {
      return inFlight < maxInFlight && lanes.mayHaveNext
    },
    deliver: (limit) => {
      let delivered = 0
      for (; delivered < limit && runner.runnable; delivered++) {
        const lane = lanes.next(fits)
        if (lane === undefined) break
        deliver(lane.take())
      }
      return delivered
    },
  }

  const wake = () => {
    if (runner.runnable) scheduler.wake(runner)
  }

  const deliver = (flight: Flight) => {
    inFlight++
    inFlightBytes += flight.bytes
    books.delivered++
    let outcome: Promise<void>
    try {
      outcome = Promise.resolve(parts.handle(deliveryOf(flight)))
    } catch {
      settle(flight, false)
      return
    }
    outcome.then(
      () => settle(flight, true),
      () => settle(flight, false),
    )
  }

  const settle = (flight: Flight, isAcked: boolean) => {
    if (flight.state !== 'open') {
      books.fenced++
      return
    }
    forget(flight)
    if (isAcked) {
      books.acked++
      flight.lane.ack(flight)
    } else {
      books.rejected++
      flight.lane.reject(flight, redeliveryDelayMs)
    }
    wake()
  }

  const forget = (flight: Flight) => {
    inFlight--
    inFlightBytes -= flight.bytes
    lanes.retry()
    if (inFlight === 0 && whenIdle.waiting > 0) whenIdle.open()
  }

  const member: Member = {
    pattern: parts.pattern,
    serial,
    maxInFlight,
    subscription: subscriptionLife({
      stop: async () => parts.leave(member),
      close: async () => parts.release(member),
      idle: () => (inFlight === 0 ? Promise.resolve() : whenIdle.wait()),
      inFlight: () => inFlight,
    }),
    offer: (lane) => {
      lanes.add(lane)
      wake()
    },
    withdraw: (lane) => {
      lanes.remove(lane)
      wake()
    },
    takenBack: (flight) => {
      flight.lease.lose()
      books.returned++
      forget(flight)
      wake()
    },
  }
  return member
}

const deliveryOf = ({ lane: { log }, offset, attempt, lease }: Flight): Delivery =>
  leased(log.at(offset), { attempt, position: { partition: log.partition, offset }, undecodable: undefined }, lease)

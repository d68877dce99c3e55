import type { Clock } from '@armature/async/clock'
import type { BusFault, BusSubscriber } from './contract.ts'
import { ring, type Ring } from '@armature/async/ring'
import { within } from '@armature/async/within'

/** A subscriber, with the lock that serialises it over all its topics. */
export interface Seat {
  readonly fn: BusSubscriber<unknown>
  readonly lock: Lock | undefined
  /** No call begins any more, also of events that are being handed out or that wait for the lock. */
  removed: boolean
}

interface Lock {
  held: boolean
  /** Calls that wait for their turn. */
  readonly waiting: Ring<() => void>
}

export interface SeatsParts {
  readonly clock: Clock
  readonly subscriberTimeoutMs: number | undefined
  readonly report: (fault: BusFault) => void
  /** Returns true once subscribers must no longer be called. */
  readonly stopped: () => boolean
}

/** The subscribers of a bus, by topic. */
export interface Seats {
  of(topic: string): readonly Seat[] | undefined
  add(topics: readonly string[], fn: BusSubscriber<unknown>, serial: boolean): Seat
  /** Removes the seats that match. Answers from how many topics. */
  remove(matches: (seat: Seat) => boolean): number
  /**
   * Calls all of them. Answers undefined when they have finished, else a promise of it that never rejects: what they throw is
   * reported.
   */
  call(seats: readonly Seat[], topic: string, event: unknown): Promise<void> | undefined
}

const nothing = () => undefined

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/** Nobody subscribed yet. */
export const busSeats = ({ stopped, ...parts }: SeatsParts): Seats => {
  const invoke = subscriberCalls(parts)
  /** The lists are never changed, only replaced, so that one being walked stays as it is. */
  const byTopic = new Map<string, readonly Seat[]>()

  const release = (lock: Lock) => {
    lock.held = false
    while (!lock.held) {
      const next = lock.waiting.shift()
      if (next === undefined) return
      next()
    }
  }

  /** Holds the lock during the call. */
  const locked = (seat: Seat, lock: Lock, topic: string, event: unknown): Promise<void> | undefined => {
    lock.held = true
    const result = invoke(seat, topic, event)
    if (result === undefined) {
      lock.held = false
      return undefined
    }
    return result.then(() => release(lock))
  }

  const callOne = (seat: Seat, topic: string, event: unknown): Promise<void> | undefined => {
    const { lock } = seat
    if (seat.removed) return undefined
    if (lock === undefined) return invoke(seat, topic, event)
    if (!lock.held) {
      const result = locked(seat, lock, topic, event)
      if (result === undefined) release(lock)
      return result
    }
    return new Promise((resolve) => {
      lock.waiting.push(() => {
        const result = stopped() || seat.removed ? undefined : locked(seat, lock, topic, event)
        if (result === undefined) resolve()
        else void result.then(resolve)
      })
    })
  }

  return {
    of: (topic) => byTopic.get(topic),
    add: (topics, fn, serial) => {
      const lock = serial ? { held: false, waiting: ring<() => void>() } : undefined
      const seat: Seat = { fn, lock, removed: false }
      for (const topic of topics) byTopic.set(topic, [...(byTopic.get(topic) ?? []), seat])
      return seat
    },
    remove: (matches) => {
      let removed = 0
      for (const [topic, seats] of byTopic) {
        const left = seats.filter((seat) => !matches(seat))
        if (left.length === seats.length) continue
        for (const seat of seats) if (matches(seat)) seat.removed = true
        removed++
        if (left.length === 0) byTopic.delete(topic)
        else byTopic.set(topic, left)
      }
      return removed
    },
    call: (seats, topic, event) => {
      let first: Promise<void> | undefined
      let more: Promise<void>[] | undefined
      for (let index = 0; index < seats.length; index++) {
        const seat = seats[index]
        const result = seat === undefined ? undefined : callOne(seat, topic, event)
        if (result === undefined) continue
        if (first === undefined) first = result
        else (more ??= []).push(result)
      }
      return more === undefined ? first : Promise.all([first, ...more]).then(nothing)
    },
  }
}

/** Calls one subscriber: returns undefined when it has finished, else a promise that never rejects. */
const subscriberCalls = ({ clock, subscriberTimeoutMs, report }: Omit<SeatsParts, 'stopped'>) => {
  const ended = (result: PromiseLike<unknown>, topic: string, event: unknown): Promise<'ended'> =>
    Promise.resolve(result).then(
      () => 'ended',
      (error: unknown) => {
        report({ kind: 'subscriber-error', topic, event, error })
        return 'ended'
      },
    )

  const endedOrLate = async (limitMs: number, result: PromiseLike<unknown>, topic: string, event: unknown) => {
    const outcome = await within(limitMs, ended(result, topic, event), clock)
    if (outcome === undefined) report({ kind: 'subscriber-timeout', topic, event })
  }

  return (seat: Seat, topic: string, event: unknown): Promise<void> | undefined => {
    try {
      const result: unknown = seat.fn(event, topic)
      if (!isPromiseLike(result)) return undefined
      if (subscriberTimeoutMs !== undefined) return endedOrLate(subscriberTimeoutMs, result, topic, event)
      return ended(result, topic, event).then(nothing)
    } catch (error) {
      report({ kind: 'subscriber-error', topic, event, error })
      return undefined
    }
  }
}

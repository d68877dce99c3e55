import { systemClock } from '@armature/async/clock'
import {
  BusError,
  type BusFault,
  type BusLeft,
  type BusSubscriber,
  type DropReason,
  type EventBus,
  type EventBusOptions,
} from './contract.ts'
import { busQueue } from './queue.ts'
import { busSeats } from './subscribers.ts'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import { ring } from '@armature/async/ring'

/** A `dispatch` that waits for room. */
interface Waiting {
  readonly topic: string
  readonly event: unknown
  readonly key: string | undefined
  readonly resolve: () => void
  readonly reject: (error: BusError) => void
}

/** Events handled in one turn of the event loop, so that sockets and timers are served between. */
const eventsPerTurn = 1024
const mostExecutors = 1024

const done = Promise.resolve()
const nothing = () => undefined

/** A bus by itself. Throws RangeError for options out of range. */
export const createEventBus = <Events extends object = Record<string, unknown>>(
  options: EventBusOptions,
): EventBus<Events> => {
  const { overflow = 'wait', subscriberTimeoutMs, clock = systemClock(), onFault } = options
  const queueLimit = wholeOption('queueLimit', options.queueLimit ?? 10_000, 1)
  const maxWaiting = wholeOption('maxWaiting', options.maxWaiting ?? queueLimit, 0)
  const executors = numberOption('executors', wholeOption('executors', options.executors ?? 8, 1), 1, mostExecutors)
  if (subscriberTimeoutMs !== undefined) numberOption('subscriberTimeoutMs', subscriberTimeoutMs, 1)

  const queue = busQueue(executors)
  const waiting = ring<Waiting>()
  /** Which executors wait for a subscriber. */
  const busy = Array.from({ length: executors }, () => false)
  const dropped: Record<DropReason, number> = { overflow: 0, closed: 0 }
  let accepted = 0
  let handled = 0
  let rejected = 0
  let unknownTopic = 0
  let failed = 0
  let faultHandlerErrors = 0
  let running = 0
  let leftInTurn = eventsPerTurn
  let turnArmed = false
  let drainScheduled = false
  let closing: Promise<BusLeft> | undefined
  let stopped = false
  let whenIdle: () => void = nothing

  const report = (fault: BusFault) => {
    if (fault.kind === 'subscriber-error' || fault.kind === 'subscriber-timeout') failed++
    try {
      onFault(fault)
    } catch {
      faultHandlerErrors++
    }
  }

  const seats = busSeats({ clock, subscriberTimeoutMs, report, stopped: () => stopped })

  const refuse = (topic: string, event: unknown, reason: BusError['reason'], problem: string): BusError => {
    rejected++
    const error = new BusError(reason, problem)
    report({ kind: 'rejected', topic, event, error })
    return error
  }

  const refusal = (...parts: Parameters<typeof refuse>): Promise<void> => {
    const promise = Promise.reject(refuse(...parts))
    promise.catch(nothing)
    return promise
  }

  const drop = (reason: DropReason) => {
    const oldest = queue.shiftOldest()
    if (oldest === undefined) return
    dropped[reason]++
    report({ kind: 'dropped', reason, topic: oldest.topic, event: oldest.event })
  }

  const isIdle = () => running === 0 && queue.length === 0 && waiting.length === 0

  const ended = () => {
    running--
    handled++
    if (closing !== undefined && isIdle()) whenIdle()
  }

  /** Answers undefined when the event is handled, else a promise of it. */
  const handle = (topic: string, event: unknown): Promise<void> | undefined => {
    running++
    const found = seats.of(topic)
    if (found === undefined) {
      unknownTopic++
      report({ kind: 'unknown-topic', topic, event })
    }
    const result = found === undefined ? undefined : seats.call(found, topic, event)
    if (result !== undefined) return result.then(ended)
    ended()
    return undefined
  }

  const enqueue = (topic: string, event: unknown, key: string | undefined) => {
    accepted++
    queue.push(topic, event, key)
    scheduleDrain()
  }

  const admit = () => {
    while (queue.length < queueLimit) {
      const next = waiting.shift()
      if (next === undefined) return
      enqueue(next.topic, next.event, next.key)
      next.resolve()
    }
  }

  const scheduleDrain = () => {
    if (drainScheduled) return
    drainScheduled = true
    // Where the turn has no events left, `newTurn` drains.
    if (leftInTurn > 0) queueMicrotask(drain)
  }

  const newTurn = () => {
    turnArmed = false
    const exhausted = leftInTurn === 0
    leftInTurn = eventsPerTurn
    if (exhausted && drainScheduled) drain()
  }

  const drain = () => {
    drainScheduled = false
    for (let executor = 0; executor < executors; executor++) {
      while (busy[executor] === false) {
        if (leftInTurn === 0) return scheduleDrain()
        const next = queue.shift(executor)
        if (next === undefined) break
        if (waiting.length > 0) admit()
        leftInTurn--
        if (!turnArmed) {
          turnArmed = true
          setImmediate(newTurn)
        }
        const result = handle(next.topic, next.event)
        if (result === undefined) continue
        busy[executor] = true
        void result.then(() => {
          busy[executor] = false
          if (queue.length > 0) scheduleDrain()
        })
      }
    }
  }

  const overflowing = (topic: string, event: unknown, key: string | undefined): Promise<void> => {
    if (overflow === 'drop-oldest') {
      drop('overflow')
      enqueue(topic, event, key)
      return done
    }
    if (overflow === 'reject') return refusal(topic, event, 'full', `${queue.length} events are queued, the limit`)
    if (waiting.length >= maxWaiting) {
      return refusal(topic, event, 'full', `${waiting.length} dispatches wait for room, the limit: await each`)
    }
    return new Promise((resolve, reject) => waiting.push({ topic, event, key, resolve, reject }))
  }

  const stop = (): BusLeft => {
    stopped = true
    const left = { queued: queue.length, waiting: waiting.length, running }
    while (queue.length > 0) drop('closed')
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      next.reject(refuse(next.topic, next.event, 'closed', 'the bus was closed before there was room'))
    }
    return left
  }

  const close = (deadlineMs: number): Promise<BusLeft> =>
    new Promise((resolve) => {
      const cancel = clock.after(deadlineMs, () => resolve(stop()))
      whenIdle = () => {
        cancel()
        resolve(stop())
      }
      if (isIdle()) whenIdle()
    })

  return {
    dispatch: (topic, event, keyed) => {
      if (closing !== undefined) return refusal(topic, event, 'closed', 'the bus is closed')
      if (queue.length >= queueLimit) return overflowing(topic, event, keyed?.key)
      enqueue(topic, event, keyed?.key)
      return done
    },
    dispatchSync: (topic, event) => {
      if (closing !== undefined) return refusal(topic, event, 'closed', 'the bus is closed')
      if (running >= maxWaiting + executors) {
        return refusal(topic, event, 'full', `${running} events are being handled, the limit: await each`)
      }
      accepted++
      return handle(topic, event) ?? done
    },
    subscribe: (topics, fn, { serial = false } = {}) => {
      const names: readonly string[] = typeof topics === 'string' ? [topics] : [...new Set(topics)]
      const subscriber = fn as BusSubscriber<unknown>
      const twice = names.find((topic) => seats.of(topic)?.some((seat) => seat.fn === subscriber))
      if (twice !== undefined) throw new Error(`the function is subscribed to ${JSON.stringify(twice)} already`)
      const own = seats.add(names, subscriber, serial)
      return () => void seats.remove((seat) => seat === own)
    },
    unsubscribe: (fn) => seats.remove((seat) => seat.fn === fn),
    isSubscribed: (topic, fn) => seats.of(topic)?.some((seat) => seat.fn === fn) ?? false,
    subscribers: (topic) => seats.of(topic)?.length ?? 0,
    counts: () => ({
      accepted,
      handled,
      dropped: { ...dropped },
      queued: queue.length,
      running,
      rejected,
      waiting: waiting.length,
      unknownTopic,
      failed,
      faultHandlerErrors,
    }),
    close: ({ deadlineMs = 10_000 } = {}) => (closing ??= close(numberOption('deadlineMs', deadlineMs, 0))),
  }
}

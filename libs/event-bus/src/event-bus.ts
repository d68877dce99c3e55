import { systemClock } from '@armature/async/clock'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import { ring } from '@armature/async/ring'
import { within } from '@armature/async/within'
import {
  BusError,
  type BusFault,
  type BusLeft,
  type DropReason,
  type EventBus,
  type EventBusOptions,
} from './contract.ts'
import { busQueue, type BusQueue } from './queue.ts'
import { busSeats, type Seats } from './subscribers.ts'

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
  const { clock = systemClock() } = options
  const { queueLimit, maxWaiting, executors, subscriberTimeoutMs } = limitsOf(options)
  const queue = busQueue(executors)
  const { counts, report, refuse, refusal } = busReports(options.onFault)
  let running = 0
  let closing: Promise<BusLeft> | undefined
  let stopped = false
  const idle = Promise.withResolvers<void>()
  const seats = busSeats({ clock, subscriberTimeoutMs, report, stopped: () => stopped })

  const drop = (reason: DropReason) => {
    const oldest = queue.shiftOldest()
    if (oldest !== undefined) report({ kind: 'dropped', reason, topic: oldest.topic, event: oldest.event })
  }

  const isIdle = () => running === 0 && queue.length === 0 && waiting.length === 0

  const ended = () => {
    running--
    counts.handled++
    if (closing !== undefined && isIdle()) idle.resolve()
  }

  /** Returns undefined when the event is handled, else a promise of it. */
  const handle = (topic: string, event: unknown): Promise<void> | undefined => {
    running++
    const found = seats.of(topic)
    if (found === undefined) report({ kind: 'unknown-topic', topic, event })
    const result = found === undefined ? undefined : seats.call(found, topic, event)
    if (result !== undefined) return result.then(ended)
    ended()
    return undefined
  }

  const schedule = busExecutors({
    queue,
    executors,
    handle,
    onShift: () => waiting.admit(() => queue.length < queueLimit),
  })

  const enqueue = (topic: string, event: unknown, key: string | undefined) => {
    counts.accepted++
    queue.push(topic, event, key)
    schedule()
  }

  const waiting = busWaiting(maxWaiting, enqueue, refusal)

  const overflowing = (topic: string, event: unknown, key: string | undefined): Promise<void> => {
    const { overflow = 'wait' } = options
    if (overflow === 'wait') return waiting.add(topic, event, key)
    if (overflow === 'reject') return refusal(topic, event, 'full', `${queue.length} events are queued, the limit`)
    drop('overflow')
    enqueue(topic, event, key)
    return done
  }

  const stop = (): BusLeft => {
    stopped = true
    const left = { queued: queue.length, waiting: waiting.length, running }
    while (queue.length > 0) drop('closed')
    waiting.reject(({ topic, event }) => refuse(topic, event, 'closed', 'the bus was closed before there was room'))
    return left
  }

  const close = async (deadlineMs: number): Promise<BusLeft> => {
    if (!isIdle()) await within(deadlineMs, idle.promise, clock)
    return stop()
  }

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
      counts.accepted++
      return handle(topic, event) ?? done
    },
    ...subscriptionsTo(seats),
    counts: () => ({
      ...counts,
      dropped: { ...counts.dropped },
      queued: queue.length,
      running,
      waiting: waiting.length,
    }),
    close: ({ deadlineMs = 10_000 } = {}) => (closing ??= close(numberOption('deadlineMs', deadlineMs, 0))),
  }
}

const limitsOf = ({ subscriberTimeoutMs, ...options }: EventBusOptions) => {
  const queueLimit = wholeOption('queueLimit', options.queueLimit ?? 10_000, 1)
  const maxWaiting = wholeOption('maxWaiting', options.maxWaiting ?? queueLimit, 0)
  const executors = numberOption('executors', wholeOption('executors', options.executors ?? 8, 1), 1, mostExecutors)
  if (subscriberTimeoutMs !== undefined) numberOption('subscriberTimeoutMs', subscriberTimeoutMs, 1)
  return { queueLimit, maxWaiting, executors, subscriberTimeoutMs }
}

/** The dispatches that wait for room, `max` at most, in their order. */
const busWaiting = (
  max: number,
  enqueue: (topic: string, event: unknown, key: string | undefined) => void,
  refusal: (topic: string, event: unknown, reason: 'full', problem: string) => Promise<void>,
) => {
  const waiting = ring<Waiting>()
  return {
    get length() {
      return waiting.length
    },
    /** Resolves when the event is queued. */
    add: (topic: string, event: unknown, key: string | undefined): Promise<void> =>
      waiting.length >= max
        ? refusal(topic, event, 'full', `${waiting.length} dispatches wait for room, the limit: await each`)
        : new Promise((resolve, reject) => waiting.push({ topic, event, key, resolve, reject })),
    admit: (hasRoom: () => boolean): void => {
      while (waiting.length > 0 && hasRoom()) {
        const next = waiting.shift()
        if (next === undefined) return
        enqueue(next.topic, next.event, next.key)
        next.resolve()
      }
    },
    reject: (errorOf: (next: Waiting) => BusError): void => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next.reject(errorOf(next))
    },
  }
}

/** The counts of a bus, and its reports of what went wrong. */
const busReports = (onFault: EventBusOptions['onFault']) => {
  const counts = {
    accepted: 0,
    handled: 0,
    dropped: { overflow: 0, closed: 0 } satisfies Record<DropReason, number>,
    rejected: 0,
    unknownTopic: 0,
    failed: 0,
    faultHandlerErrors: 0,
  }

  const report = (fault: BusFault) => {
    if (fault.kind === 'dropped') counts.dropped[fault.reason]++
    else if (fault.kind === 'rejected') counts.rejected++
    else if (fault.kind === 'unknown-topic') counts.unknownTopic++
    else counts.failed++
    try {
      onFault(fault)
    } catch {
      counts.faultHandlerErrors++
    }
  }

  const refuse = (topic: string, event: unknown, reason: BusError['reason'], problem: string): BusError => {
    const error = new BusError(reason, problem)
    report({ kind: 'rejected', topic, event, error })
    return error
  }

  /** `refuse` as a promise whose rejection nobody needs to handle. */
  const refusal = (...parts: Parameters<typeof refuse>): Promise<void> => {
    const promise = Promise.reject(refuse(...parts))
    promise.catch(nothing)
    return promise
  }

  return { counts, report, refuse, refusal }
}

interface ExecutorsParts {
  readonly queue: Pick<BusQueue, 'shift' | 'length'>
  readonly executors: number
  /** Returns undefined when the event is handled, else a promise of it, for which the executor waits. */
  readonly handle: (topic: string, event: unknown) => Promise<void> | undefined
  /** There is room in the queue. */
  readonly onShift: () => void
}

/** Hands queued events to executors, so many in one turn of the event loop. Returns how to say that there are some. */
const busExecutors = ({ queue, executors, handle, onShift }: ExecutorsParts): (() => void) => {
  /** Whether each executor waits for a subscriber. */
  const busy = Array.from({ length: executors }, () => false)
  let leftInTurn = eventsPerTurn
  let turnArmed = false
  let drainScheduled = false

  const schedule = () => {
    if (drainScheduled) return
    drainScheduled = true
    // If the turn has no events left, `newTurn` drains.
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
        if (leftInTurn === 0) return schedule()
        const next = queue.shift(executor)
        if (next === undefined) break
        onShift()
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
          if (queue.length > 0) schedule()
        })
      }
    }
  }

  return schedule
}

const subscriptionsTo = (
  seats: Seats,
): Pick<EventBus, 'subscribe' | 'unsubscribe' | 'isSubscribed' | 'subscribers'> => ({
  subscribe: (topics, fn, { serial = false } = {}) => {
    const names: readonly string[] = typeof topics === 'string' ? [topics] : [...new Set(topics)]
    const twice = names.find((topic) => seats.of(topic)?.some((seat) => seat.fn === fn))
    if (twice !== undefined) throw new Error(`the function is subscribed to ${JSON.stringify(twice)} already`)
    const own = seats.add(names, fn, serial)
    return () => void seats.remove((seat) => seat === own)
  },
  unsubscribe: (fn) => seats.remove((seat) => seat.fn === fn),
  isSubscribed: (topic, fn) => seats.of(topic)?.some((seat) => seat.fn === fn) ?? false,
  subscribers: (topic) => seats.of(topic)?.length ?? 0,
})

import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import { bookAsDropped } from './delivery-notes.ts'
import { UnrecoverableError } from './errors.ts'
import { identityOf } from './identity.ts'
import type { Message } from './message.ts'
import { on, type OnOptions, type Reaction, type Registration } from './on.ts'
import type { Delivery, Handler, Middleware } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'
import type { Replies } from './replies.ts'

/** The messages of one key, by the names of their topics. */
export type Joined<Name extends string> = Readonly<Partial<Record<Name, Message>>>

export interface JoinOptions<Name extends string> extends Omit<
  OnOptions<undefined>,
  'schema' | 'middleware' | 'serial' | 'maxInFlight' | 'store' | 'idempotent'
> {
  /** The topics, by names of one's own: `{ order: 'orders', payment: 'payments.>' }`. */
  readonly topics: Readonly<Record<Name, string>>
  /** What the messages of one join have in common. */
  readonly keyOf: (message: Message) => string
  /** `all`: a message of each topic is needed. `any`: the first of a key is handled, the others of the window are acknowledged. */
  readonly when: 'all' | 'any'
  /** How long a join waits for its messages, or takes in others: from the first one on. At most 900,000 (15 minutes). */
  readonly windowMs: number
  /** Messages of one topic that wait at once, unacknowledged. More wait at the broker. Default 1,000. */
  readonly maxPending?: number
  /**
   * What becomes of messages whose join is not complete at the end of the window: dead letters (reason `join-unmatched`), dropped and counted as such, or
   * handled as far as they have come. Default `dead-letter`.
   */
  readonly unmatched?: 'dead-letter' | 'drop' | 'handle'
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** A handler of joined messages. The rest of the reaction is that of the message that completed the join. */
export type ReactJoined<Name extends string> = (
  reaction: Reaction<undefined> & { readonly joined: Joined<Name> },
) => Promise<Replies> | Replies

const longestWindowMs = 900_000
/** Keys of `any` that are remembered; beyond it the oldest is forgotten, and handled again when it comes again. */
const maxTakenKeys = 100_000

/** A message that waits for its join. */
interface Waiting {
  readonly name: string
  readonly delivery: Delivery
  /** Gives it on: with a call of the handler, or without one. */
  readonly complete: (outcome: Outcome) => void
}

/** `handle`: this one calls the handler for all. The others follow it. */
type Outcome = 'handle' | 'drop' | 'dead-letter' | { readonly follow: Promise<void> }

interface Pending {
  readonly parts: Map<string, Waiting>
  readonly cancel: Cancel
}

/**
 * Binds one handler to several topics, whose messages it gets together: all of one key within a window, or the first of a key in a window. A list of
 * handlers, one a topic, named `<name>-<topic's name>`. A message waits unacknowledged, so a process that is killed loses no join: its messages come again. All messages
 * of a join settle alike; where that which calls the handler is taken back, the others come again. Joins are of this process: with several members of a group the messages of a key may come to different ones, unless
 * the broker gives a key to one member (Kafka, with the same number of partitions). Throws as `on` does, and RangeError for a bad window.
 */
export const join = <Name extends string>(
  options: JoinOptions<Name>,
  handle: ReactJoined<Name>,
): readonly Registration[] => {
  const { topics, keyOf, when, windowMs, maxPending, unmatched, clock, name, ...rest } = options
  const names = Object.keys(topics) as Name[]
  if (names.length < 2) throw new RangeError(`join ${name} names ${names.length} topics: give two or more`)
  if (numberOption('windowMs', windowMs, 1) > longestWindowMs) {
    throw new RangeError(`windowMs of join ${name} is ${windowMs}: give ${longestWindowMs} or less`)
  }
  const maxInFlight = wholeOption('maxPending', maxPending ?? 1_000, 1)
  const joins = createJoins({ names, keyOf, when, windowMs, unmatched: unmatched ?? 'dead-letter', clock })
  return names.map((part) => ({
    ...on<undefined>(
      topics[part],
      { ...rest, name: `${name}-${part}`, maxInFlight, middleware: joins.middleware(part) },
      (reaction) => handle(Object.assign(reaction, { joined: joins.joinedOf(reaction.message) as Joined<Name> })),
    ),
    join: name,
  }))
}

interface JoinsOptions extends Required<Pick<JoinOptions<string>, 'keyOf' | 'when' | 'windowMs' | 'unmatched'>> {
  readonly names: readonly string[]
  readonly clock: Clock | undefined
}

/** The calls of the handler that are under way, and the messages that each is for. */
const createCalls = () => {
  const joined = new Map<string, Joined<string>>()
  /** Settles the others of a join, by the message that calls the handler for them. */
  const settling = new Map<string, { readonly resolve: () => void; readonly reject: (error: unknown) => void }>()

  return {
    joinedOf: (message: Message): Joined<string> => joined.get(identity(message)) ?? {},
    /** This message is about to call the handler for these; resolves as the call does. */
    prepare: (caller: Message, messages: Joined<string>): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      promise.catch(() => undefined)
      joined.set(identity(caller), messages)
      settling.set(identity(caller), { resolve, reject })
      return promise
    },
    call: async (next: Handler, delivery: Delivery): Promise<void> => {
      const id = identity(delivery)
      const others = settling.get(id)
      try {
        await next(delivery)
        others?.resolve()
      } catch (error) {
        others?.reject(delivery.signal.aborted ? callerLost(delivery, error) : error)
        throw error
      } finally {
        joined.delete(id)
        settling.delete(id)
      }
    },
  }
}

type Calls = ReturnType<typeof createCalls>

const createJoins = (options: JoinsOptions) => {
  const calls = createCalls()
  const middleware = options.when === 'all' ? joinAll(options, calls) : joinAny(options, calls)
  return { middleware, joinedOf: calls.joinedOf }
}

const joinAll = ({ names, keyOf, windowMs, unmatched, clock = systemClock() }: JoinsOptions, calls: Calls) => {
  /** The joins of a key that are not complete, the oldest first. */
  const pending = new Map<string, Pending[]>()

  const forget = (key: string, one: Pending) => {
    const left = (pending.get(key) ?? []).filter((each) => each !== one)
    if (left.length === 0) pending.delete(key)
    else pending.set(key, left)
  }

  /** The last one calls the handler, the others settle as it does. */
  const run = ({ parts }: Pending) => {
    const all = [...parts.values()]
    const last = all.at(-1)
    if (last === undefined) return
    const messages = Object.fromEntries(all.map((each) => [each.name, each.delivery]))
    const follow = calls.prepare(last.delivery, messages)
    for (const each of all) each.complete(each === last ? 'handle' : { follow })
  }

  const open = (key: string): Pending => {
    const one: Pending = {
      parts: new Map(),
      cancel: clock.after(windowMs, () => {
        forget(key, one)
        if (unmatched === 'handle') run(one)
        else for (const each of one.parts.values()) each.complete(unmatched)
      }),
    }
    pending.set(key, [...(pending.get(key) ?? []), one])
    return one
  }

  const lose = (key: string, one: Pending, name: string) => {
    one.parts.delete(name)
    if (one.parts.size > 0) return
    one.cancel()
    forget(key, one)
  }

  /** Resolves when the join of the message is complete, or its window over. */
  const arrive = (name: string, delivery: Delivery): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const key = keyOf(delivery)
      const one = (pending.get(key) ?? []).find(({ parts }) => !parts.has(name)) ?? open(key)
      const abort = () => {
        lose(key, one, name)
        reject(delivery.signal.reason as Error)
      }
      const complete = (outcome: Outcome) => {
        delivery.signal.removeEventListener('abort', abort)
        resolve(outcome)
      }
      delivery.signal.addEventListener('abort', abort, { once: true })
      one.parts.set(name, { name, delivery, complete })
      if (one.parts.size < names.length) return
      one.cancel()
      forget(key, one)
      run(one)
    })

  return (name: string): Middleware =>
    (next) =>
    async (delivery) => {
      delivery.signal.throwIfAborted()
      const outcome = await arrive(name, delivery)
      if (outcome === 'handle') return calls.call(next, delivery)
      if (outcome === 'drop') return bookAsDropped(delivery, 'join-unmatched')
      if (outcome !== 'dead-letter') return outcome.follow
      const problem = `no messages of its key ${keyOf(delivery)} on the other topics came within ${windowMs} ms`
      throw new UnrecoverableError('join-unmatched', problem)
    }
}

const joinAny = ({ keyOf, windowMs, clock = systemClock() }: JoinsOptions, calls: Calls) => {
  /** The keys that were handled within the window, with the call for each. */
  const taken = new Map<string, { readonly handling: Promise<void>; readonly cancel: Cancel }>()

  const forget = (key: string) => {
    taken.get(key)?.cancel()
    taken.delete(key)
  }

  const take = (key: string, handling: Promise<void>) => {
    taken.set(key, { handling, cancel: clock.after(windowMs, () => void taken.delete(key)) })
    const [oldest] = taken.keys()
    if (taken.size > maxTakenKeys && oldest !== undefined) forget(oldest)
    // One that failed leaves its place to the next.
    handling.catch(() => {
      if (taken.get(key)?.handling === handling) forget(key)
    })
  }

  return (name: string): Middleware =>
    (next) =>
    async (delivery) => {
      const key = keyOf(delivery)
      const first = taken.get(key)?.handling
      if (first !== undefined) return first.catch(() => Promise.reject(firstFailed(delivery)))
      void calls.prepare(delivery, { [name]: delivery })
      const handling = calls.call(next, delivery)
      take(key, handling)
      return handling
    }
}

const callerLost = ({ id }: Delivery, cause: unknown) =>
  new RedeliverError('join-caller-lost', `the message ${id} that called the handler for its join was taken back`, {
    cause,
  })

const firstFailed = ({ id }: Delivery) =>
  new RedeliverError('join-first-failed', `the message before ${id} of its key could not be handled`)

const identity = (message: Message): string => `${message.topic} ${identityOf(message, message.topic)}`

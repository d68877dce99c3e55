import type { Logger } from '@armature/telemetry/logger'
import { isDeadLetterTopic } from './dead-letter-topics.ts'
import { UnrecoverableError } from './errors.ts'
import { createEventFilter, type EventFilter } from './event-filter.ts'
import type { HandlerStore } from './handler-store.ts'
import { checkIdempotent, type IdempotentOptions } from './idempotent.ts'
import { bodyJson, type Message } from './message.ts'
import type { Delivery, Middleware, SubscribeOptions } from './ports.ts'
import type { Replies } from './replies.ts'
import type { RetryOptions } from './retry.ts'
import { throttle, type ThrottleOptions } from './throttle.ts'
import { checkPattern, isPattern } from './topic-pattern.ts'

/** Reads a body: a schema of zod, or any object with the same method. */
export interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: SchemaError }
}

interface SchemaError {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
}

/** The argument of a handler. */
export interface Reaction<T, Tx = undefined> {
  readonly message: Delivery
  /** The body as `schema` read it; undefined without a schema. */
  readonly data: T
  /** Logs with the handler's name and the message's id. */
  readonly log: Logger
  /** Aborted when the attempt has run out of time, and when the subscription closes: give up then. */
  readonly signal: AbortSignal
  /** The transaction of the `store`, to be used until the handler settles; undefined without one. */
  readonly within: Tx
}

/** A handler. The messages that it returns are published before its own is acknowledged. */
export type React<T, Tx = undefined> = (reaction: Reaction<T, Tx>) => Promise<Replies> | Replies

export interface OnOptions<T, Tx = undefined> {
  /** Names the handler in lists, logs and metrics, and its consumer group. Lower case, digits and -. */
  readonly name: string
  /** Close after so many messages were handled; those filtered out or dead-lettered do not count. Default: never. */
  readonly count?: number
  /**
   * Which messages concern the handler, by their attributes or by a function; the others are acknowledged and counted as filtered. Sees
   * them before the schema.
   */
  readonly filter?: EventFilter | ((message: Message) => boolean)
  /** Handles a message once, by an inbox that remembers what was handled. Default: as often as the broker delivers it. */
  readonly idempotent?: IdempotentOptions
  /**
   * Stores what the handler does by `within`, that its message was handled, and the messages that it returns, in one transaction; these are published
   * from there. Idempotent by itself. Default: messages are published directly.
   */
  readonly store?: HandlerStore<Tx>
  /** Messages a second, on average; more wait unsettled, `maxWaiting` at most. Retries of a message are not counted. Default: no limit. */
  readonly rateLimit?: Omit<ThrottleOptions, 'clock'>
  /** The schema of the body, read as JSON. A message whose body does not fit is dead-lettered as such. */
  readonly schema?: Schema<T>
  /** How often and when a failed attempt is tried again before the message is dead-lettered. Default: those of `retry`. */
  readonly retry?: Omit<RetryOptions, 'clock' | 'random'>
  /**
   * Around all attempts at a message, within the dead letters: `circuitBreaker`, `throttle` and the like, several by `compose`. Default:
   * none.
   */
  readonly middleware?: Middleware
  /** Time for one attempt; then it counts as failed, whether it settles or not. Default: that of `runHandler`. */
  readonly timeoutMs?: number
  /** `'key'`: one message of a key at a time, in order. */
  readonly serial?: SubscribeOptions['serial']
  /** Messages worked on at once. Default: that of `runHandler`. */
  readonly maxInFlight?: number
  /** The start of a new consumer group. Default: the messages that come from now on. */
  readonly from?: SubscribeOptions['from']
  /** Let a wildcard take in dead-letter topics too. */
  readonly deadLetters?: boolean
}

export interface ReactContext extends Pick<Reaction<unknown>, 'log' | 'signal'> {
  readonly within?: unknown
}

/** A handler bound to its topic: what `on` makes and `runHandler` runs. */
export interface Registration {
  readonly topic: string
  readonly options: Readonly<Omit<OnOptions<unknown, unknown>, 'schema' | 'filter'>> & { readonly hasSchema: boolean }
  /** The name of the join that the handler is a part of: it waits for messages of the other parts. */
  readonly join?: string
  /** Whether the message is for the handler. Throws what `filter` throws. */
  readonly wants: (message: Message | Delivery) => boolean
  /** Checks the message and calls the handler; resolves with what it returned. Rejects with UnrecoverableError for a body that does not fit. */
  readonly react: (message: Delivery, context: ReactContext) => Promise<unknown>
}

/**
 * Binds a handler to a topic: `on('alerts.>', { name: 'page', schema: alert }, async ({ data }) => ...)`. The handler resolves = the
 * message is acknowledged; it rejects = retried, then dead-lettered to `<topic>.DLT`; an UnrecoverableError skips the retries.
 * `topic` may hold wildcards (`*` one token, a last `>` the rest). A wildcard leaves out dead-letter topics (`*.DLT`), or a handler
 * that fails would be given its own dead letters for ever; ask for them by `deadLetters`, or by a pattern that ends in `.DLT`.
 * Throws TopicError for a bad topic and RangeError for a bad option.
 */
export const on = <T = undefined, Tx = undefined>(
  topic: string,
  options: OnOptions<T, Tx>,
  handle: React<T, Tx>,
): Registration => {
  checkPattern(topic)
  checkOptions(options)
  const { schema, filter, ...rest } = options
  const fits = typeof filter === 'object' ? createEventFilter(filter) : filter
  const leavesOutDeadLetters = isPattern(topic) && !isDeadLetterTopic(topic) && options.deadLetters !== true
  const wants = (message: Message | Delivery) => {
    if (leavesOutDeadLetters && isDeadLetterTopic(message.topic)) return false
    // A filter does not judge a message that could not be decoded: it goes to the dead letters.
    const readable = !('undecodable' in message) || message.undecodable === undefined
    return !readable || (fits?.(message) ?? true)
  }
  return {
    topic,
    options: { ...rest, hasSchema: schema !== undefined },
    wants,
    react: async (message, context) => {
      if (!wants(message)) return undefined
      const data = schema === undefined ? (undefined as T) : parse(schema, message)
      return handle(new LazyReaction(message, data, context.within as Tx, context))
    },
  }
}

/**
 * Asks for the logger and the signal only when the handler does: both cost more than many a handler. The accessors are own properties, so that a
 * spread copy has them, and the same for all.
 */
class LazyReaction<T, Tx> implements Reaction<T, Tx> {
  readonly message
  readonly data
  readonly within
  declare readonly log: Logger
  declare readonly signal: AbortSignal
  readonly #context: ReactContext

  constructor(message: Delivery, data: T, within: Tx, context: ReactContext) {
    this.message = message
    this.data = data
    this.within = within
    this.#context = context
    // One by one: `defineProperties` takes twice as long.
    Object.defineProperty(this, 'log', LazyReaction.#log)
    Object.defineProperty(this, 'signal', LazyReaction.#signal)
  }

  static readonly #log: PropertyDescriptor & ThisType<LazyReaction<unknown, unknown>> = {
    enumerable: true,
    get() {
      return this.#context.log
    },
  }

  static readonly #signal: PropertyDescriptor & ThisType<LazyReaction<unknown, unknown>> = {
    enumerable: true,
    get() {
      return this.#context.signal
    },
  }
}

type Checked = Omit<OnOptions<unknown, unknown>, 'schema' | 'filter'>

const checkOptions = (options: Checked): void => {
  const { name, count, timeoutMs, maxInFlight, idempotent, store, rateLimit } = options
  if (!/^[a-z0-9-]{1,64}$/.test(name)) {
    throw new RangeError(`a handler is named ${JSON.stringify(name)}: use 1 to 64 lower-case letters, digits and -`)
  }
  for (const [option, value] of Object.entries({ count, timeoutMs, maxInFlight })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw new RangeError(`${option} of handler ${name} is ${value}: give a whole number, 1 or more`)
    }
  }
  if (idempotent !== undefined && store !== undefined) {
    throw new RangeError(`handler ${name} has a store and is idempotent by it: leave the option idempotent out`)
  }
  if (idempotent !== undefined) checkIdempotent(idempotent)
  if (rateLimit !== undefined) throttle(rateLimit)
}

const maxIssues = 5

const parse = <T>(schema: Schema<T>, message: Delivery): T => {
  let value: unknown
  try {
    value = bodyJson(message)
  } catch (error) {
    throw new UnrecoverableError('invalid-json', 'the body is not JSON in UTF-8', { cause: error })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues
    .slice(0, maxIssues)
    .map(({ path, message: problem }) => `${path.map(String).join('.')}: ${problem}`)
  throw new UnrecoverableError('schema-mismatch', `the body does not fit the schema: ${issues.join('; ')}`)
}

import type { Clock } from '@armature/async/clock'

/** Takes the events of a topic. What it throws or rejects with is reported, and does not reach other subscribers. */
export type BusSubscriber<Event> = (event: Event, topic: string) => unknown

export interface EventBusOptions {
  /** Events handled at once, from 1 to 1,024. Default 8. */
  readonly executors?: number
  /** Events that are queued, over all executors. Default 10,000. */
  readonly queueLimit?: number
  /**
   * The policy of `dispatch` when the queue is full. `wait` (default): it resolves when there is room. `reject`: it rejects with BusError.
   * `drop-oldest`: the event queued longest is dropped.
   */
  readonly overflow?: 'wait' | 'reject' | 'drop-oldest'
  /** Calls of `dispatch` that wait for room, and of `dispatchSync` under way; more are rejected. Default: `queueLimit`. */
  readonly maxWaiting?: number
  /** A subscriber's promise that is not settled by then is no longer waited for, and reported. Default: waits for ever. */
  readonly subscriberTimeoutMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Called for everything that goes wrong. Its own errors are counted as `faultHandlerErrors`. */
  readonly onFault: (fault: BusFault) => void
}

export type BusFault = { readonly topic: string; readonly event: unknown } & (
  | { readonly kind: 'unknown-topic' | 'subscriber-timeout' }
  | { readonly kind: 'subscriber-error'; readonly error: unknown }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | { readonly kind: 'rejected'; readonly error: BusError }
)

/** `overflow`: dropped for a newer one; `closed`: the deadline of `close` passed. */
export type DropReason = 'overflow' | 'closed'

/** The bus did not take an event. */
export class BusError extends Error {
  override readonly name = 'BusError'
  readonly reason: 'full' | 'closed'

  constructor(reason: 'full' | 'closed', problem: string) {
    super(problem)
    this.reason = reason
  }
}

/** accepted = handled + dropped + queued + running. */
export interface BusCounts {
  readonly accepted: number
  /** Every subscriber was called and has finished, with or without an error. */
  readonly handled: number
  readonly dropped: Readonly<Record<DropReason, number>>
  readonly queued: number
  readonly running: number
  /** Not accepted: the queue was full, or the bus closed. */
  readonly rejected: number
  /** Calls of `dispatch` that wait for room. */
  readonly waiting: number
  /** Those of the handled whose topic had no subscriber. */
  readonly unknownTopic: number
  /** Calls of a subscriber that failed or timed out. */
  readonly failed: number
  readonly faultHandlerErrors: number
}

/** The events that were left when `close` ended: all zero = everything was handled. */
export interface BusLeft {
  /** Dropped. */
  readonly queued: number
  /** Rejected. */
  readonly waiting: number
  /** Their subscribers are still under way. */
  readonly running: number
}

export interface SubscriberOptions {
  /** One call at a time, over all topics of this `subscribe`. Default false: as many as there are executors. */
  readonly serial?: boolean
}

/** Delivers events to subscribers within the process. `Events` has the type of each topic's events. */
export interface EventBus<Events extends object = Record<string, unknown>> {
  /**
   * Resolves when the event is queued; one of the executors then calls its subscribers. Events of one `key` go to one executor, in
   * order; the others to any. Rejects with BusError; a rejection that nobody awaits is reported all the same and ends no process.
   * A subscriber that awaits room on its own full bus holds its executor meanwhile: all executors doing so wait for ever.
   */
  dispatch<Topic extends keyof Events & string>(
    topic: Topic,
    event: Events[Topic],
    options?: { readonly key?: string | undefined },
  ): Promise<void>
  /**
   * Calls the subscribers before it returns; resolves when those that are asynchronous have finished. A serial subscriber that is
   * busy is called when its turn comes, so it must not await a `dispatchSync` to itself. Rejects with BusError.
   */
  dispatchSync<Topic extends keyof Events & string>(topic: Topic, event: Events[Topic]): Promise<void>
  /**
   * The answer undoes it: no call begins any more then, also of events that were dispatched before; one under way goes on. A function is
   * subscribed to a topic once: again throws an Error.
   */
  subscribe<Topic extends keyof Events & string>(
    topics: Topic | readonly Topic[],
    fn: BusSubscriber<Events[Topic]>,
    options?: SubscriberOptions,
  ): () => void
  /** From all topics: no call begins any more. Answers from how many. */
  unsubscribe(fn: BusSubscriber<never>): number
  isSubscribed(topic: keyof Events & string, fn: BusSubscriber<never>): boolean
  /** Returns the number of subscribers of a topic. */
  subscribers(topic: keyof Events & string): number
  counts(): BusCounts
  /**
   * Takes nothing more, handles what is queued and waits for subscribers, up to `deadlineMs` (default 10,000). Then no subscriber is
   * called any more. Calls after the first answer the same.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<BusLeft>
}

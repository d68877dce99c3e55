import type { UnrecoverableError } from './errors.ts'
import type { Message } from './message.ts'
import type { MessageRun } from './message-run.ts'
import type { Position } from './position.ts'
import type { TopicBrowser } from './topic-browser.ts'

/** Sends messages. Safe to call concurrently. */
export interface Publisher {
  /**
   * Resolves when the broker holds every message as durably as the driver's guarantees say; order within one call is kept.
   * `topic` is where they go, whatever topic the messages name. Rejects with PublishError when any of them is not known to
   * be held: the caller may publish all of them again, with the same ids. Resolves for no messages. An invalid
   * topic (a wildcard, white space, an empty token), a message over the broker's limit and a closed connection are refused before
   * anything is sent. It may wait for room: await it, that is the back-pressure.
   */
  publish(topic: string, messages: readonly Message[]): Promise<void>
  /** As `publish`, without an object for each message. Drivers to which it saves nothing lack it: call `publishRun` of publish-run.ts. */
  publishRun?(topic: string, run: MessageRun): Promise<void>
  /** Waits for publishes under way. Safe to call twice. */
  close(): Promise<void>
}

/** Receives messages. */
export interface Subscriber {
  /**
   * Calls `handle` for each message of `topic`, in arrival order, without waiting for earlier ones, up to `maxInFlight` and
   * `maxInFlightBytes` unsettled at once. `topic` may hold wildcards where the driver declares them (`*` one token, a last
   * `>` one or more; tokens are separated by dots). Resolves once what is published from then on reaches the group. Rejects
   * with SubscribeError for a bad topic or option, for what the driver does not declare, and when closed.
   */
  subscribe(topic: string, handle: Handler, options?: SubscribeOptions): Promise<Subscription>
  /** Closes every subscription. Safe to call twice. */
  close(): Promise<void>
}

/** Settles one delivery: resolve = acknowledge, reject = not acknowledged, it will come again. */
export type Handler = (delivery: Delivery) => Promise<void>

/** One behaviour around a handler. Compose with `compose(first, second)(handler)`: the first is the outermost. */
export type Middleware = (next: Handler) => Handler

/** A message as it was delivered, this time. */
export interface Delivery extends Message {
  /** 1 for the first delivery of the message to this group. Where the broker keeps no count it begins again with a new member. */
  readonly attempt: number
  /** The place of the message in its topic; undefined if the driver has no places. `topic+partition+offset` is unique. */
  readonly position?: Position | undefined
  /**
   * Why the message could not be decoded: its body and headers are as they came. Dead-letter middleware takes it without a call of the
   * handler; a handler without that middleware rejects what it cannot read.
   */
  readonly undecodable?: UnrecoverableError | undefined
  /**
   * This delivery's own. Aborted when the message is the broker's again: the subscription is closed, the connection is lost, its partition
   * moved. A handler that still waits should give up and reject. How it settles after that counts for nothing, but with `serial` its
   * key waits for it.
   */
  readonly signal: AbortSignal
}

export interface SubscribeOptions {
  /**
   * Subscribers of one group share the messages; without one each subscriber gets every message. A group keeps its place when
   * its members leave, where the driver is `atLeastOnce`; without a group the place ends with the subscription.
   */
  group?: string
  /** Unsettled deliveries at once, in messages. Default 1,000. */
  maxInFlight?: number
  /** Unsettled deliveries at once, in bytes of body. One larger message is still delivered, alone. Default 16 MiB. */
  maxInFlightBytes?: number
  /**
   * `'key'`: a message waits until earlier ones with its key are acknowledged, also while a rejected one waits to come again, and until no
   * handler here is at work on one of its key, also where the message was taken back meanwhile.
   * Without it a rejected message may come again after later ones of its key.
   */
  serial?: 'key'
  /** The start of a new group. Default `'latest'`: what is published from now on. */
  from?: StartPosition
  /** How long a rejected message waits before it comes again. Default 100 ms. */
  redeliveryDelayMs?: number
}

/**
 * Replay from an offset or a time needs a driver that declares `replay`. An offset counts in every partition; one no longer kept
 * means the oldest that is. A time is when the broker stored a message; one to come means latest. What a topic created later
 * holds is all "from now on".
 */
export type StartPosition = 'latest' | 'earliest' | { readonly offset: number } | { readonly time: Date }

export interface Subscription {
  /** Stops intake: no handler is called after it resolves, and other members take over. Handlers under way go on and settle. */
  stop(): Promise<void>
  /** Resolves when no delivery is unsettled. With `stop` before it: finish in flight. */
  idle(): Promise<void>
  /** Unsettled deliveries now. */
  readonly inFlight: number
  /** `stop`, then gives what is unsettled back to the broker (it will come again). Safe to call twice. */
  close(): Promise<void>
}

/** The promises of a driver. The conformance suite tests what is declared and names what it skips. */
export interface Guarantees {
  /** A message is delivered until a handler resolved for it. */
  readonly atLeastOnce: boolean
  readonly order: 'none' | 'key' | 'topic'
  readonly replay: boolean
  readonly groups: boolean
  readonly wildcards: boolean
  readonly headers: boolean
  /** Redelivery waits `redeliveryDelayMs`. */
  readonly delay: boolean
}

/** How a broker is, seen from a driver. */
export interface BrokerHealth {
  /** For how long the broker has not answered, in milliseconds; 0 = it answers. */
  readonly lostMs: number
  /** Topics that are subscribed to and cannot be read, each with the reason. They are tried again, not skipped. Holds no credential. */
  readonly unreadable: readonly string[]
}

/** A connection to one broker. */
export interface Driver extends Publisher, Subscriber {
  /** The scheme of its URLs, without the colon. */
  readonly scheme: string
  readonly guarantees: Guarantees
  /** Reads the contents of topics, where the broker keeps messages. */
  readonly browser?: TopicBrowser | undefined
  /** The health as it is known now, without a request. Brokers are asked once a second whether they are there. */
  health(): BrokerHealth
  /** Closes both sides. */
  close(): Promise<void>
}

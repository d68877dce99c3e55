import type { Clock } from '@armature/async/clock'
import { within } from '@armature/async/within'
import { PublishError, SubscribeError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { type MessageRun, messagesOf } from '@armature/messaging/message-run'
import type { Driver, Guarantees, Handler, SubscribeOptions, Subscription } from '@armature/messaging/ports'
import type { TopicBrowser } from '@armature/messaging/topic-browser'
import { checkPattern, isPattern } from '@armature/messaging/topic-pattern'
import { watchBroker } from './broker-watch.ts'
import { checkPublish, checkRun } from './publish-checks.ts'
import { subscribeSettings, type SubscribeSettings } from './subscribe-settings.ts'

/** A subscription that is asked for, checked. */
export interface SubscribeRequest {
  /** A topic, or a pattern where the driver declares wildcards. */
  readonly topic: string
  readonly handle: Handler
  /** Only where the driver declares groups. */
  readonly group: string | undefined
  readonly settings: SubscribeSettings
}

/** The parts that differ between drivers. `createDriver` does the rest, which is the same for every driver. */
export interface DriverParts {
  /** The scheme of its URLs, without the colon. */
  readonly scheme: string
  readonly guarantees: Guarantees
  /** Advice for errors: a driver that can do what this one cannot, such as `use redis-streams:`. */
  readonly instead?: string
  /** Read at each publish, since a server may change its limit. */
  readonly limits: {
    /** The bound of one body. */
    readonly maxMessageBytes: number
  }
  /** Throws TopicError for a topic or pattern that only this protocol cannot have. */
  readonly checkTopic?: (topic: string) => void
  /** Resolves when the broker holds the messages, one or more, in their order. Rejects with PublishError. */
  send(topic: string, messages: readonly Message[]): Promise<void>
  /** The same for a run of one key, where that costs less than a message each. Without it the driver has no `publishRun`. */
  readonly sendRun?: (topic: string, run: MessageRun) => Promise<void>
  /** Resolves once what is published from then on reaches the subscription. Rejects with SubscribeError. */
  open(request: SubscribeRequest): Promise<Subscription>
  readonly browser?: TopicBrowser
  /**
   * A question that the broker answers with little work, asked once a second. Rejects where it does not. Without it the broker always counts as
   * there, as one within the process is.
   */
  readonly probe?: () => Promise<unknown>
  /** The topics that are subscribed to and cannot be read, each with the reason. Default: none. */
  unreadable?(): readonly string[]
  /** Whether publishes under way can end at all: without a connection `close` does not wait for them. Default: they can. */
  isConnected?(): boolean
  /** Frees the connections. Called once, when subscriptions are closed and publishes have ended or `closeWaitMs` is over. */
  end(): Promise<void>
  /** How long `close` waits, in milliseconds: for subscriptions to close, and then for publishes under way. */
  readonly closeWaitMs: number
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** A driver, and its check for what else it sends, such as requests. */
export interface FramedDriver extends Driver {
  /** Throws PublishError for what `publish` refuses. */
  check(topic: string, messages: readonly Message[]): void
}

/**
 * A driver of these parts. It refuses what no driver takes and what this one does not declare before anything is sent, keeps what is open
 * and under way, and closes once: subscriptions stop, what is unsettled goes back, publishes under way end, then the connections.
 */
export const createDriver = (parts: DriverParts): FramedDriver => {
  const { scheme, guarantees, limits, closeWaitMs, clock } = parts
  const subscriptions = new Set<Subscription>()
  const publishing = new Set<Promise<void>>()
  const { probe } = parts
  const watch = probe === undefined ? undefined : watchBroker({ clock, probe })
  let closing: Promise<void> | undefined

  const publishLimits = () => ({ maxMessageBytes: limits.maxMessageBytes, closed: closing !== undefined })

  const check = (topic: string, messages: readonly Message[]): void => {
    checkPublish(topic, messages, publishLimits())
    checkOwnTopic(parts, topic)
  }

  const underWay = async (sent: Promise<void>): Promise<void> => {
    publishing.add(sent)
    try {
      await sent
    } finally {
      publishing.delete(sent)
    }
  }

  const publish = async (topic: string, messages: readonly Message[]): Promise<void> => {
    check(topic, messages)
    if (messages.length > 0) await underWay(parts.send(topic, messages))
  }

  const runPublisher = (sendRun: NonNullable<DriverParts['sendRun']>) => ({
    publishRun: async (topic: string, run: MessageRun): Promise<void> => {
      if (run.keys !== undefined) return publish(topic, messagesOf(run, topic))
      checkRun(topic, run, publishLimits())
      checkOwnTopic(parts, topic)
      if (run.count > 0) await underWay(sendRun(topic, run))
    },
  })

  const subscribe = async (topic: string, handle: Handler, options: SubscribeOptions = {}): Promise<Subscription> => {
    if (closing !== undefined) throw closed(topic)
    const settings = checkSubscribe(parts, topic, options)
    const subscription = await parts.open({ topic, handle, group: options.group, settings })
    subscriptions.add(subscription)
    if (closing !== undefined) {
      await subscription.close()
      throw closed(topic)
    }
    return forgetting(subscription, subscriptions)
  }

  const close = async () => {
    watch?.stop()
    const open = [...subscriptions]
    const ended = Promise.allSettled(open.map((each) => each.stop())).then(() =>
      Promise.allSettled(open.map((each) => each.close())),
    )
    await within(closeWaitMs, ended, clock)
    if (parts.isConnected?.() ?? true) await within(closeWaitMs, Promise.allSettled(publishing), clock)
    await parts.end()
  }

  return {
    scheme,
    guarantees,
    check,
    publish,
    ...(parts.sendRun === undefined ? {} : runPublisher(parts.sendRun)),
    subscribe,
    browser: parts.browser,
    health: () => ({ lostMs: watch?.lostMs ?? 0, unreadable: parts.unreadable?.() ?? [] }),
    close: () => (closing ??= close()),
  }
}

/** Throws PublishError for a topic that only this protocol cannot have. */
const checkOwnTopic = (parts: DriverParts, topic: string): void => {
  try {
    parts.checkTopic?.(topic)
  } catch (cause) {
    throw new PublishError((cause as Error).message, { topic, fault: 'bad-topic', cause })
  }
}

const closed = (topic: string): SubscribeError => new SubscribeError(topic, 'the connection is closed')

/** The settings of the subscription. Throws SubscribeError for a bad pattern or option, and for what the driver does not declare. */
const checkSubscribe = (parts: DriverParts, topic: string, options: SubscribeOptions): SubscribeSettings => {
  const { scheme, guarantees, instead } = parts
  try {
    checkPattern(topic)
    parts.checkTopic?.(topic)
  } catch (cause) {
    throw new SubscribeError(topic, (cause as Error).message, cause)
  }
  const settings = subscribeSettings(topic, options)
  const advice = instead === undefined ? '' : `: ${instead}`
  if (!guarantees.wildcards && isPattern(topic)) {
    throw new SubscribeError(topic, `${scheme}: has no wildcards here${advice}`)
  }
  if (!guarantees.groups && options.group !== undefined) {
    throw new SubscribeError(topic, `${scheme}: has no groups, each subscriber gets every message${advice}`)
  }
  if (!guarantees.replay && typeof settings.from === 'object') {
    throw new SubscribeError(topic, `${scheme}: keeps nothing to replay${advice}`)
  }
  return settings
}

/** The subscription, which leaves the set when it is closed. */
const forgetting = (subscription: Subscription, all: Set<Subscription>): Subscription => ({
  stop: () => subscription.stop(),
  idle: () => subscription.idle(),
  get inFlight() {
    return subscription.inFlight
  },
  close: async () => {
    await subscription.close()
    all.delete(subscription)
  },
})

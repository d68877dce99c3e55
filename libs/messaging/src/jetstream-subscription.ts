import type { Clock } from './clock.ts'
import { deliveryWindow } from './delivery-window.ts'
import { pinGroup, type Consumers } from './jetstream-consumers.ts'
import { durableFeed, orderedFeed, type Feed, type FeedParts } from './jetstream-feed.ts'
import type { Room } from './jetstream-pull.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'
import type { Streams } from './jetstream-streams.ts'
import { within, type NatsLink } from './nats-connection.ts'
import type { Handler, StartPosition, Subscription } from './ports.ts'
import type { SubscribeSettings } from './subscribe-settings.ts'
import { isPattern } from './topic-pattern.ts'

export interface JetstreamSubscriptionParts {
  readonly link: NatsLink
  readonly streams: Streams
  readonly consumers: Consumers
  readonly limits: JetstreamSettings
  readonly topic: string
  readonly group: string | undefined
  readonly handle: Handler
  readonly settings: SubscribeSettings
  readonly closeWaitMs: number
  readonly clock: Clock | undefined
  readonly warn: (problem: string) => void
  readonly onClosed: () => void
}

/** Streams come and go; the server says so, but not surely. */
const lookEveryMs = 5_000

/** Subscribes to every stream that stores topics of the pattern, now and later. Rejects with the server's errors. */
export const openJetstreamSubscription = async (parts: JetstreamSubscriptionParts): Promise<Subscription> => {
  const { link, streams, consumers, limits, topic, group, settings, warn } = parts
  const { maxInFlight, maxInFlightBytes, serial, redeliveryDelayMs } = settings
  const feeds = new Map<string, Feed>()
  /** Of a group with `serial`: where this member may have its turn. */
  const turns = new Map<string, string>()
  let bytes = 0
  let stopping: Promise<void> | undefined
  let closing: Promise<void> | undefined
  let looking: Promise<void> | undefined

  const window = deliveryWindow({
    handle: parts.handle,
    settings,
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
  })

  /** With `serial`, as many again may wait behind their keys. */
  const most = serial ? 2 * maxInFlight : maxInFlight

  const room = (requested: number): Room => {
    const share = Math.max(1, Math.floor(most / Math.max(1, feeds.size)))
    const free = most - window.inFlight - window.held
    return { messages: Math.min(share, free) - requested, bytes: maxInFlightBytes - bytes }
  }

  const wake = () => {
    for (const feed of feeds.values()) feed.wake()
  }

  const openFeed = async (stream: string, from: StartPosition): Promise<Feed> => {
    const common: FeedParts = {
      link,
      stream,
      room,
      offer: (arrival) => {
        bytes += arrival.message.body.byteLength
        window.offer(arrival)
      },
      settled: (arrival) => {
        bytes -= arrival.message.body.byteLength
        if (feeds.size > 1) wake()
      },
      consumerFrom: async () => '',
      onGone: () => {
        feeds.delete(stream)
        look()
      },
    }
    if (group === undefined) {
      const first: StartPosition = from === 'latest' ? { offset: await consumers.nextSequence(stream) } : from
      return orderedFeed({
        ...common,
        consumerFrom: (sequence) =>
          consumers.ordered(stream, topic, sequence === undefined ? first : { offset: sequence }),
        removeConsumer: (name) => consumers.remove(stream, name),
      })
    }
    const consumerFrom = async (sequence: number | undefined) => {
      const start = sequence === undefined ? from : { offset: sequence }
      const { name, takesTurns } = await consumers.durable(stream, { group, topic, serial }, start)
      if (takesTurns) turns.set(stream, name)
      return name
    }
    return durableFeed({
      ...common,
      consumerFrom,
      pinGroup: () => (turns.has(stream) ? pinGroup : undefined),
      unsettledIn: (name) => consumers.unsettled(stream, name),
      forgetRequests: (name) => consumers.forgetRequests(stream, name),
      letGo: (arrival) => {
        warn(`a message of ${arrival.message.topic} was handled longer than ${limits.maxHandlingMs} ms: it comes again`)
        window.takeBack((each) => each === arrival)
      },
      ackWaitMs: limits.ackWaitMs,
      maxHandlingMs: limits.maxHandlingMs,
      redeliveryDelayMs,
    })
  }

  const follow = async (from: StartPosition) => {
    for (const stream of await streams.matching(topic)) {
      if (feeds.has(stream) || stopping !== undefined) continue
      feeds.set(stream, await openFeed(stream, from))
    }
  }

  /** Looks for streams that came since. All that they hold is new. */
  const look = () => {
    if (stopping !== undefined || !link.connected) return
    looking ??= follow('earliest')
      .catch((error: unknown) => warn(`${topic}: its streams are not known: ${(error as Error).message}`))
      .finally(() => {
        looking = undefined
      })
  }

  const begin = async () => {
    await streams.prepare(topic)
    const found = await streams.matching(topic)
    const known =
      group === undefined ? [] : await Promise.all(found.map((each) => consumers.isKnown(each, group, topic)))
    // To a group that was there before, a stream that is new since then is new.
    await follow(known.includes(true) ? 'earliest' : settings.from)
    await link.flush()
  }
  await begin()

  const announcements = isPattern(topic)
    ? ['CREATED', 'UPDATED'].map((what) => link.nc.subscribe(`$JS.EVENT.ADVISORY.STREAM.${what}.*`, { callback: look }))
    : []
  const timer = setInterval(look, lookEveryMs).unref()

  /** The next member's turn: when nothing of this one is unsettled, so that no key is in two hands. */
  const passTurns = async () => {
    await Promise.all([...turns].map(([stream, name]) => consumers.unpin(stream, name)))
    turns.clear()
  }

  const stop = async () => {
    clearInterval(timer)
    for (const announcement of announcements) announcement.unsubscribe()
    const left = window.stop()
    await looking
    await Promise.all([...feeds.values()].map((feed) => feed.stop(left)))
    if (turns.size > 0 && closing === undefined) void window.idle().then(() => closing ?? passTurns())
  }

  const stopOnce = () => (stopping ??= within(parts.closeWaitMs, stop()))

  const close = async () => {
    await stopOnce()
    const left = window.close()
    await Promise.all([...feeds.values()].map((feed) => feed.close(left)))
    if (link.connected) {
      await link.flush()
      await passTurns()
    }
  }

  return {
    stop: stopOnce,
    idle: () => window.idle(),
    get inFlight() {
      return window.inFlight
    },
    close: () => {
      closing ??= within(parts.closeWaitMs, close()).then(parts.onClosed)
      return closing
    },
  }
}

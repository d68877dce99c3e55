import type { Clock } from '@armature/async/clock'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { pinGroup, type Consumers } from './jetstream-consumers.ts'
import { durableFeed } from './jetstream-durable.ts'
import type { Feed, FeedParts, LastSeen } from './jetstream-feed.ts'
import { durableName } from './jetstream-names.ts'
import { orderedFeed } from './jetstream-ordered.ts'
import type { Room } from './jetstream-pull.ts'
import { streamPosition } from './jetstream-position.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'
import type { Streams } from './jetstream-streams.ts'
import { within, type NatsLink } from './connection.ts'
import type { Handler, StartPosition, Subscription } from '@armature/messaging/ports'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { isPattern } from '@armature/messaging/topic-pattern'

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
const maxPlacesLeft = 10_000

/** Subscribes to every stream that stores topics of the pattern, now and later. Rejects with the server's errors. */
export const openJetstreamSubscription = async (parts: JetstreamSubscriptionParts): Promise<Subscription> => {
  const { link, streams, consumers, limits, topic, group, settings, warn } = parts
  const { maxInFlight, maxInFlightBytes, serial, redeliveryDelayMs } = settings
  const feeds = new Map<string, Feed>()
  /** Of a group with `serial`: where this member may have its turn. */
  const turns = new Map<string, string>()
  /** Where it was in streams that are gone: one that was only said to be gone goes on there. */
  const left = new Map<string, { readonly created: string; readonly last: LastSeen }>()
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

  const remember = (stream: string, place: { readonly created: string; readonly last: LastSeen }) => {
    if (left.size >= maxPlacesLeft) left.clear()
    left.set(stream, place)
  }

  const openFeed = async (stream: string, from: StartPosition): Promise<Feed> => {
    const before = left.get(stream)
    left.delete(stream)
    const { created, lastSequence } = await consumers.lifeOf(stream)
    const begun: StartPosition = from === 'latest' && group === undefined ? { offset: lastSequence + 1 } : from
    const goesOn = before !== undefined && (await consumers.isSameLife(stream, before.created, before.last))
    const position = streamPosition({
      consumers,
      stream,
      created,
      first: goesOn ? { offset: before.last.sequence + 1 } : begun,
      onAnew: () => warn(`the stream ${stream} was made anew or went back: ${topic} is read from its beginning`),
    })
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
      consumerFrom: (resume) =>
        position.consumerFrom(resume, async (start) => {
          if (group === undefined) return consumers.ordered(stream, topic, start)
          const { name, takesTurns } = await consumers.durable(stream, { group, topic, serial }, start)
          if (takesTurns) turns.set(stream, name)
          return name
        }),
      onGone: (last) => {
        feeds.delete(stream)
        if (last !== undefined) remember(stream, { created: position.created, last })
        look()
      },
    }
    if (group === undefined) {
      return orderedFeed({ ...common, removeConsumer: (name) => consumers.remove(stream, name) })
    }
    return durableFeed({
      ...common,
      isSameLife: position.isSameLife,
      pinGroup: () => (turns.has(stream) ? pinGroup : undefined),
      unsettledIn: (name) => consumers.unsettled(stream, name),
      forgetRequests: (name) => consumers.forgetRequests(stream, name),
      letGo: (arrivals, reason) => {
        warn(`${topic}: ${reason}: ${arrivals.size} ${arrivals.size === 1 ? 'message comes' : 'messages come'} again`)
        window.takeBack((each) => arrivals.has(each))
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

  const announced = (what: string, callback: (stream: string) => void) =>
    link.nc.subscribe(`$JS.EVENT.ADVISORY.${what}`, {
      // The stream is the token behind those of the event.
      callback: (_error, msg) => callback(msg.subject.split('.')[5] ?? ''),
    })
  const announcements = [
    announced('STREAM.CREATED.*', look),
    announced('STREAM.DELETED.*', (stream) => feeds.get(stream)?.verify()),
    ...(group === undefined
      ? []
      : [announced(`CONSUMER.DELETED.*.${durableName(group, topic)}`, (stream) => feeds.get(stream)?.lost())]),
    ...(isPattern(topic) ? [announced('STREAM.UPDATED.*', look)] : []),
  ]
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

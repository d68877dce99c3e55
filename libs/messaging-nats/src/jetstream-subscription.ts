import type { Clock } from '@armature/async/clock'
import { within } from '@armature/async/within'
import { SubscribeError } from '@armature/messaging/errors'
import type { Subscription } from '@armature/messaging/ports'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { StreamArrival } from './jetstream-codec.ts'
import { streamReaders, type StreamReaders, type StreamReadersParts } from './jetstream-stream-readers.ts'
import { patience } from './jetstream-patience.ts'
import { watchStreams } from './jetstream-stream-watch.ts'

export interface JetstreamSubscriptionParts extends Omit<StreamReadersParts, 'window'> {
  /** How long a server that has no answer is asked again. */
  readonly connectWaitMs: number
  /** How long `stop` and `close` wait for the server, each. */
  readonly closeWaitMs: number
  readonly clock: Clock | undefined
}

/** Subscribes to every stream that stores topics of the pattern, now and later. Rejects with SubscribeError. */
export const openJetstreamSubscription = async (parts: JetstreamSubscriptionParts): Promise<Subscription> => {
  const { connection, clock } = parts
  const { topic, group, handle, settings } = parts.request
  const window = deliveryWindow<StreamArrival>({ handle, settings, ...(clock === undefined ? {} : { clock }) })
  const readers = streamReaders({ ...parts, window })
  const bounded = (work: Promise<void>) => within(parts.closeWaitMs, work).catch(() => undefined)
  try {
    await begin(parts, readers)
  } catch (cause) {
    await bounded(readers.close(window.close()))
    throw new SubscribeError(topic, (cause as Error).message, cause)
  }
  const stopWatching = watchStreams({
    ...{ connection, topic, group },
    onChange: readers.look,
    onStreamDeleted: readers.streamDeleted,
    onConsumerDeleted: readers.consumerDeleted,
  })

  /** The next member is pinned when nothing is unsettled here, so that no two members have messages of one key. */
  const unpinWhenIdle = async () => {
    await window.idle()
    if (life.state === 'stopping' || life.state === 'stopped') await readers.unpin()
  }

  const giveBack = async () => {
    await readers.close(window.close())
    if (!connection.connected) return
    await connection.flush()
    await readers.unpin()
  }

  const life = subscriptionLife({
    stop: async () => {
      stopWatching()
      await bounded(readers.stop(window.stop()))
      unpinWhenIdle().catch(() => undefined)
    },
    close: () => bounded(giveBack()),
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
  return life
}

const begin = async (parts: JetstreamSubscriptionParts, readers: StreamReaders): Promise<void> => {
  const { connection, streams, consumers } = parts
  const { topic, group, settings } = parts.request
  const ask = patience(parts.connectWaitMs)
  await ask(() => streams.prepare(topic))
  const found = await ask(() => streams.matching(topic))
  const known =
    group === undefined ? [] : await ask(() => Promise.all(found.map((each) => consumers.isKnown(each, group, topic))))
  // To a group that was there before, a stream that it does not know is new.
  const from = known.includes(true) ? 'earliest' : settings.from
  await ask(() => readers.follow(from))
  await connection.flush()
}

import type { Msg } from '@nats-io/nats-core'
import type { Arrival } from '@armature/messaging-kit/delivery-window'
import { arrivalOf, persistently, placeOf, type Feed, type FeedParts, type LastSeen } from './jetstream-feed.ts'
import { pull } from './jetstream-pull.ts'
import { isReserved } from './codec.ts'

export interface OrderedParts extends FeedParts {
  readonly removeConsumer: (name: string) => Promise<void>
}

/**
 * All messages of a stream in their order, for one subscription: a consumer without acknowledgements that is made again from the message
 * after the last one where it is lost or a message is missing. Rejected ones are kept here until they are acknowledged.
 */
export const orderedFeed = async (parts: OrderedParts): Promise<Feed> => {
  let last: LastSeen | undefined
  let delivered = 0
  let { name: consumer } = await parts.consumerFrom(undefined)
  let stopped = false

  const onMessage = (msg: Msg) => {
    if (stopped) return
    const place = placeOf(msg.reply ?? '')
    if (place.delivery !== delivered + 1) {
      if (place.delivery > delivered + 1) void reopen().catch(() => parts.onGone(last))
      return
    }
    delivered = place.delivery
    last = place
    if (isReserved(msg.subject)) return
    const settled = () => {
      parts.settled(arrival)
      pulling.wake()
    }
    const arrival: Arrival = arrivalOf(msg, { ...place, attempt: 1 }, { ack: settled })
    parts.offer(arrival)
  }

  const open = () =>
    pull({ ...parts, consumer, onMessage, onGone: () => void reopen().catch(() => parts.onGone(last)) })

  let reopening: Promise<void> | undefined
  const reopen = (): Promise<void> =>
    (reopening ??= (async () => {
      await pulling.stop()
      const seen = last
      const made = await persistently(
        () => parts.consumerFrom(seen === undefined ? undefined : { next: seen.sequence + 1, last: seen }),
        () => stopped || parts.link.nc.isClosed(),
      )
      reopening = undefined
      if (made === undefined) {
        if (!stopped) parts.onGone(seen)
        return
      }
      if (stopped) return void (await parts.removeConsumer(made.name))
      if (!made.sameLife) last = undefined
      consumer = made.name
      delivered = 0
      pulling = open()
    })())

  let pulling = open()

  const stop = async () => {
    stopped = true
    await pulling.stop()
  }

  return {
    wake: () => pulling.wake(),
    // It answers nothing, and its consumer ends with the stream.
    verify: () => undefined,
    lost: () => pulling.lost(),
    stop,
    close: async () => {
      await stop()
      if (parts.link.connected) await parts.removeConsumer(consumer)
    },
  }
}

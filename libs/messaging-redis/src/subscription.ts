import type { Clock } from '@armature/async/clock'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { Handler, Subscription } from '@armature/messaging/ports'
import { matches } from '@armature/messaging/topic-pattern'
import type { ChannelListener, ChannelListeners } from './channel-listeners.ts'
import { decodePayload } from './codec.ts'

export interface SubscriptionParts {
  readonly listeners: ChannelListeners
  readonly clock: Clock | undefined
  readonly warn: (problem: string) => void
  /** Messages of one subscription that wait for a handler. Redis cannot be told to wait. */
  readonly maxHeld: number
  /** Bytes of body of one subscription, waiting or with a handler. */
  readonly maxHeldBytes: number
}

/** Subscribes to a channel, or to all that match a pattern. Resolves when messages arrive. Rejects with SubscribeError. */
export const openChannelSubscription = async (
  { listeners, clock, warn, maxHeld, maxHeldBytes }: SubscriptionParts,
  { topic: pattern, handle, settings }: SubscribeRequest,
): Promise<Subscription> => {
  const losses = lossCounter(pattern, warn)
  const window = deliveryWindow({
    handle: handledOnce(handle, losses.rejected),
    settings,
    ...(clock === undefined ? {} : { clock }),
  })
  let heldBytes = 0

  const listener: ChannelListener = {
    pattern,
    onMessage: (payload, channel) => {
      const topic = channel.toString()
      if (!matches(pattern, topic)) return
      const bytes = payload.byteLength
      if (window.waiting >= maxHeld || heldBytes + bytes > maxHeldBytes) return losses.overflowed()
      heldBytes += bytes
      const { message, undecodable } = decodePayload(topic, payload, new Date())
      window.offer({ message, undecodable, attempt: 1, ack: () => void (heldBytes -= bytes) })
    },
  }
  await listeners.add(listener)

  return subscriptionLife({
    stop: async () => {
      window.stop()
      await listeners.remove(listener)
    },
    close: async () => void window.close(),
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
}

/** A handler that always resolves: channels deliver at most once, so that a message whose handler rejects does not come again. */
const handledOnce =
  (handle: Handler, onRejected: () => void): Handler =>
  async (delivery) => {
    try {
      await handle(delivery)
    } catch {
      if (!delivery.signal.aborted) onRejected()
    }
  }

/** Counts lost messages by cause. It warns when a count reaches a power of two, so that the warnings of a long outage stay few. */
const lossCounter = (pattern: string, warn: (problem: string) => void) => {
  const counter = (why: string) => {
    let count = 0
    return () => {
      count++
      if ((count & (count - 1)) === 0) warn(`redis: ${count} messages of ${pattern} are lost: ${why}`)
    }
  }
  return {
    rejected: counter('their handler rejected them'),
    overflowed: counter('their handler is slower than they arrive (maxHeld, maxHeldBytes)'),
  }
}

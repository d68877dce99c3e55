import type { Clock } from '@armature/async/clock'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { ConnectError, SubscribeError } from '@armature/messaging/errors'
import type { Handler, Subscription } from '@armature/messaging/ports'
import { decodePayload } from './codec.ts'
import { redisConnection, type RedisClient, type RedisConnection } from './connection.ts'
import type { RedisAddress } from './settings.ts'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { isPattern, matches } from '@armature/messaging/topic-pattern'

export interface SubscriptionsParts {
  readonly address: RedisAddress
  readonly connectWaitMs: number
  readonly clock: Clock | undefined
  readonly warn: (problem: string) => void
  /** Messages and bytes of body that wait for a handler, of one subscription. Redis cannot be told to wait. */
  readonly maxHeld: number
  readonly maxHeldBytes: number
}

interface Listener {
  readonly pattern: string
  readonly take: (payload: Buffer, channel: Buffer) => void
}

/** The subscriptions of one driver, on a connection of their own that is made when the first of them is. */
export const redisSubscriptions = (parts: SubscriptionsParts) => {
  const { address, connectWaitMs, clock, warn, maxHeld, maxHeldBytes } = parts
  const listeners = new Set<Listener>()
  const open = new Set<Subscription>()
  let connection: RedisConnection | undefined

  const listen = ({ pattern, take }: Listener, client: RedisClient): Promise<void> =>
    isPattern(pattern) ? client.pSubscribe(globOf(pattern), take, true) : client.subscribe(pattern, take, true)

  const unlisten = ({ pattern, take }: Listener, client: RedisClient): Promise<void> =>
    isPattern(pattern) ? client.pUnsubscribe(globOf(pattern), take, true) : client.unsubscribe(pattern, take, true)

  const connected = (): RedisConnection =>
    (connection ??= redisConnection({
      scheme: 'redis',
      address,
      onConnect: async (client) => {
        await Promise.all([...listeners].map((listener) => listen(listener, client)))
      },
    }))

  const begin = async (listener: Listener) => {
    const { pattern } = listener
    try {
      const client = await connected().connected(connectWaitMs)
      listeners.add(listener)
      await listen(listener, client)
    } catch (error) {
      // A lost connection is made again, with this listener; any other fault is the subscriber's.
      if (!(error instanceof ConnectError) && connection?.client === undefined && listeners.has(listener)) {
        await connected().connected(connectWaitMs)
        return
      }
      listeners.delete(listener)
      throw new SubscribeError(pattern, (error as Error).message, error)
    }
  }

  const subscribe = async (pattern: string, handle: Handler, settings: SubscribeSettings): Promise<Subscription> => {
    const losses = { full: 0, rejected: 0 }
    /** A power of two, so that the warnings of a long outage stay few. */
    const report = (count: number, why: string) => {
      if ((count & (count - 1)) === 0) warn(`redis: ${count} messages of ${pattern} are lost: ${why}`)
    }
    /** At most once: what a handler rejects does not come again. */
    const once: Handler = async (delivery) => {
      try {
        await handle(delivery)
      } catch {
        if (!delivery.signal.aborted) report(++losses.rejected, 'their handler rejected them')
      }
    }
    const window = deliveryWindow({ handle: once, settings, ...(clock === undefined ? {} : { clock }) })
    let heldBytes = 0
    let stopping: Promise<void> | undefined

    const listener: Listener = {
      pattern,
      take: (payload, channel) => {
        const topic = channel.toString()
        if (!matches(pattern, topic)) return
        const bytes = payload.byteLength
        if (window.held >= maxHeld || heldBytes + bytes > maxHeldBytes) {
          report(++losses.full, 'their handler is slower than they come (maxHeld, maxHeldBytes)')
          return
        }
        heldBytes += bytes
        const { message, undecodable } = decodePayload(topic, payload, new Date())
        window.offer({ message, undecodable, attempt: 1, ack: () => void (heldBytes -= bytes) })
      },
    }

    const stop = async () => {
      listeners.delete(listener)
      window.stop()
      const client = connection?.client
      if (client !== undefined) await unlisten(listener, client).catch(() => undefined)
    }

    const subscription: Subscription = {
      stop: () => (stopping ??= stop()),
      idle: () => window.idle(),
      get inFlight() {
        return window.inFlight
      },
      close: async () => {
        window.close()
        await subscription.stop()
        open.delete(subscription)
      },
    }
    await begin(listener)
    open.add(subscription)
    return subscription
  }

  return {
    subscribe,
    close: async () => {
      const closing = [...open].map((each) => each.close())
      connection?.close()
      await Promise.all(closing)
    },
  }
}

/** A glob of Redis that covers the pattern; `matches` decides what it stands for. */
export const globOf = (pattern: string): string =>
  pattern
    .split('.')
    .map((token) => (token === '*' || token === '>' ? '*' : token.replaceAll(/[\\?[\]^-]/g, '\\$&')))
    .join('.')

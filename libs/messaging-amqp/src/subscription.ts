import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { amqpBindings, type AmqpBindings } from './bindings.ts'
import { brokerText } from './faults.ts'
import { amqpIntake, type AmqpArrival, type AmqpIntake } from './intake.ts'
import type { AmqpLink } from './connection.ts'
import { bindingKey, groupQueue, longestNameBytes, temporaryQueue } from './names.ts'
import type { AmqpSettings } from './settings.ts'
import { closeChannel, declareExchange, declareGroupQueue, declareTemporaryQueue, TopologyError } from './topology.ts'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { ConnectError, SubscribeError } from '@armature/messaging/errors'
import type { Handler, SubscribeOptions, Subscriber, Subscription } from '@armature/messaging/ports'
import { reconnectDelayMs } from '@armature/async/backoff'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern, isPattern } from '@armature/messaging/topic-pattern'
import { within } from './within.ts'

export interface SubscriberParts {
  readonly link: AmqpLink
  readonly settings: AmqpSettings
  readonly warn: (problem: string) => void
}

/** Of a consumer, in the protocol. */
const maxPrefetch = 65_535

/** Subscriptions with a channel each, made again when their channel or the connection is lost. */
export const amqpSubscriber = (parts: SubscriberParts): Subscriber => {
  const { settings } = parts
  const { closeWaitMs } = settings.url
  const open = new Set<Subscription>()
  const bindings = amqpBindings(parts)
  let closed = false

  return {
    subscribe: async (topic, handle, options = {}) => {
      if (closed) throw new SubscribeError(topic, 'the connection is closed')
      checkSubscribe(topic, options, settings)
      const subscription = await subscribe({ ...parts, bindings }, topic, handle, options)
      open.add(subscription)
      if (closed) await subscription.close()
      return {
        stop: () => subscription.stop(),
        idle: () => subscription.idle(),
        get inFlight() {
          return subscription.inFlight
        },
        close: () => {
          open.delete(subscription)
          return subscription.close()
        },
      }
    },
    close: async () => {
      closed = true
      bindings.close()
      await within(Promise.allSettled([...open].map((each) => each.close())), closeWaitMs)
      open.clear()
    },
  }
}

const checkSubscribe = (topic: string, { from }: SubscribeOptions, { type }: AmqpSettings): void => {
  try {
    checkPattern(topic)
  } catch (error) {
    throw new SubscribeError(topic, (error as Error).message, error)
  }
  if (isPattern(topic) && type !== 'topic') {
    throw new SubscribeError(topic, `a ${type} exchange knows no wildcards: name a topic`)
  }
  if (typeof from === 'object') {
    throw new SubscribeError(topic, 'queues have no replay: leave from out, or use a driver that declares it')
  }
  if (Buffer.byteLength(bindingKey(topic)) > longestNameBytes) {
    throw new SubscribeError(topic, 'its binding has over 255 bytes: use a shorter one')
  }
}

const subscribe = async (
  { link, settings, warn, bindings }: SubscriberParts & { readonly bindings: AmqpBindings },
  topic: string,
  handle: Handler,
  options: SubscribeOptions,
): Promise<Subscription> => {
  const { group } = options
  const own = subscribeSettings(topic, options)
  const { connectWaitMs, closeWaitMs } = settings.url
  const window = deliveryWindow({ handle, settings: own })
  const queue = group === undefined ? temporaryQueue(settings, topic, randomUUID()) : groupQueue(settings, group, topic)
  /** Members take turns: another may begin only when nothing of this one is on its way. */
  const takesTurns = settings.singleActive && group !== undefined
  let intake: AmqpIntake | undefined
  let stopping: Promise<void> | undefined
  let closing: Promise<void> | undefined
  const ending = new AbortController()

  const openIntake = async (waitMs: number): Promise<AmqpIntake> => {
    const session = await link.session(waitMs)
    await declareExchange(session, settings)
    const declare = group === undefined ? declareTemporaryQueue : declareGroupQueue
    await declare(session, settings, { queue, pattern: topic })
    return amqpIntake({
      session,
      settings,
      queue,
      prefetch: Math.min(maxPrefetch, 2 * own.maxInFlight),
      topic: isPattern(topic) ? settings.exchange : topic,
      countsDeliveries: group !== undefined && settings.queueType === 'quorum',
      redeliveryDelayMs: own.redeliveryDelayMs,
      offer: (arrival) => window.offer(arrival),
      onQueueRemoved: () =>
        warn(
          `the broker ended the consumer of the queue ${queue}: where it was removed what it held is gone, and it is made again`,
        ),
    })
  }

  const follow = (opened: AmqpIntake) => {
    intake = opened
    void opened.ended.then(() => {
      window.takeBack((arrival) => (arrival as AmqpArrival).intake === opened)
      if (stopping === undefined) void reopen()
    })
  }

  const reopen = async () => {
    for (let tries = 1; stopping === undefined; tries++) {
      try {
        follow(await openIntake(connectWaitMs))
        if (stopping !== undefined) await intake?.close()
        return
      } catch (error) {
        if (stopping !== undefined) return
        if (error instanceof TopologyError) warn(`the subscription to ${topic} waits: ${error.message}`)
        await pause(reconnectDelayMs(tries), undefined, { signal: ending.signal }).catch(() => undefined)
      }
    }
  }

  /** The first time a refusal is the caller's; a connection that is lost meanwhile is not. */
  const start = async () => {
    const startedMs = performance.now()
    for (let tries = 1; ; tries++) {
      const leftMs = connectWaitMs - (performance.now() - startedMs)
      try {
        return await openIntake(Math.max(1, leftMs))
      } catch (error) {
        const isFinal = error instanceof TopologyError || error instanceof ConnectError || leftMs <= 0
        if (isFinal) throw new SubscribeError(topic, brokerText(error), error)
        await pause(reconnectDelayMs(tries))
      }
    }
  }
  const bound = { queue, pattern: topic, onGone: () => void intake?.close().catch(() => undefined) }
  follow(await start())
  bindings.add(bound)

  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      ending.abort()
      bindings.remove(bound)
      const current = intake
      const held = window.stop()
      if (current === undefined) return
      // What is rejected from now on goes back then too.
      void window.idle().then(() => current.close())
      if (takesTurns) return current.pause()
      await within(current.cancel(), closeWaitMs)
      current.giveBack(held.filter((arrival) => (arrival as AmqpArrival).intake === current))
    })()
    return stopping
  }

  const removeQueue = async () => {
    const session = await link.session(1)
    const channel = await session.model.createChannel()
    channel.on('error', () => undefined)
    await channel.deleteQueue(queue)
    await closeChannel(channel)
  }

  return {
    stop,
    idle: () => window.idle(),
    get inFlight() {
      return window.inFlight
    },
    close: () => {
      closing ??= (async () => {
        stopping ??= Promise.resolve()
        ending.abort()
        bindings.remove(bound)
        window.close()
        await within(intake?.close() ?? Promise.resolve(), closeWaitMs)
        if (group === undefined)
          await within(
            removeQueue().catch(() => undefined),
            closeWaitMs,
          )
      })()
      return closing
    },
  }
}

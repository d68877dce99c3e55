import { randomUUID } from 'node:crypto'
import type { AmqpBindings } from './bindings.ts'
import { onChannel } from './channel.ts'
import type { AmqpConnection } from './connection.ts'
import { amqpConsumer, type AmqpArrival, type AmqpConsumer } from './consumer.ts'
import { startConsuming } from './consuming.ts'
import type { NamedQueueReaders } from './named-queue-readers.ts'
import { bindingKey, groupQueue, longestNameBytes, temporaryQueue } from './names.ts'
import type { AmqpSettings } from './settings.ts'
import { declareExchange, declareGroupQueue, declareNamedQueue, declareTemporaryQueue } from './topology.ts'
import { within } from '@armature/async/within'
import { SubscribeError } from '@armature/messaging/errors'
import type { Subscription } from '@armature/messaging/ports'
import { isPattern } from '@armature/messaging/topic-pattern'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import { deliveryWindow, type DeliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'

export interface SubscriptionParts {
  readonly connection: AmqpConnection
  readonly settings: AmqpSettings
  readonly bindings: AmqpBindings
  readonly readers: NamedQueueReaders
  readonly warn: (problem: string) => void
}

/** The largest prefetch of a consumer in the protocol. */
const maxPrefetch = 65_535

/** Consumes the queue of the URL, or that of the group, or one of its own. Rejects with SubscribeError. */
export const amqpSubscription = async (parts: SubscriptionParts, request: SubscribeRequest): Promise<Subscription> => {
  const { settings, bindings, readers, warn } = parts
  const { topic, handle, group } = request
  const { connectWaitMs, closeWaitMs } = settings.url
  const isNamed = settings.queue !== undefined
  if (!isNamed && Buffer.byteLength(bindingKey(topic)) > longestNameBytes) {
    throw new SubscribeError(topic, `its binding has over ${longestNameBytes} bytes: use a shorter one`)
  }
  if (isNamed) readers.enter(settings.queue, request)
  const queue = queueOf(settings, request)
  const window = deliveryWindow<AmqpArrival>({ handle, settings: request.settings })
  const consuming = await startConsuming({
    topic,
    open: (waitMs) => openConsumer(parts, request, { queue, window, waitMs }),
    connectWaitMs,
    onLost: (lost) => window.takeBack(({ consumer }) => consumer === lost),
    warn,
  }).catch((error: unknown) => {
    if (isNamed) readers.leave()
    throw error
  })
  const bound = { queue, pattern: topic, onGone: () => void consuming.consumer?.close().catch(() => undefined) }
  if (!isNamed) bindings.add(bound)

  const stop = async () => {
    consuming.end()
    bindings.remove(bound)
    const held = window.stop()
    const { consumer } = consuming
    if (consumer === undefined) return
    // Deliveries that are rejected from now on go back then too.
    void window
      .idle()
      .then(() => consumer.close())
      .catch(() => undefined)
    // The next member may begin only when this one has nothing unsettled.
    if (settings.singleActive && group !== undefined) return consumer.pause()
    await within(closeWaitMs, consumer.cancel())
    consumer.giveBack(held.filter((arrival) => arrival.consumer === consumer))
  }

  const close = async () => {
    window.close()
    if (isNamed) readers.leave()
    await within(closeWaitMs, consuming.consumer?.close() ?? Promise.resolve())
    if (group === undefined) await within(closeWaitMs, removeQueue(parts, queue)).catch(() => undefined)
  }

  return subscriptionLife({ stop, close, idle: () => window.idle(), inFlight: () => window.inFlight })
}

interface ConsumerTarget {
  readonly queue: string
  readonly window: DeliveryWindow<AmqpArrival>
  readonly waitMs: number
}

/** Makes what is missing of exchange, queue and binding, then consumes. */
const openConsumer = async (
  { connection, settings, warn }: SubscriptionParts,
  { topic, group, settings: { maxInFlight, redeliveryDelayMs } }: SubscribeRequest,
  { queue, window, waitMs }: ConsumerTarget,
): Promise<AmqpConsumer> => {
  const session = await connection.session(waitMs)
  if (settings.queue === undefined) {
    await declareExchange(session, settings)
    const declare = group === undefined ? declareTemporaryQueue : declareGroupQueue
    await declare(session, settings, { queue, pattern: topic })
  } else await declareNamedQueue(session, settings.queue)
  return amqpConsumer({
    session,
    settings,
    queue,
    prefetch: Math.min(maxPrefetch, 2 * maxInFlight),
    topic: isPattern(topic) ? settings.exchange : topic,
    // Nothing tells of which type a queue of others is.
    countsDeliveries: group !== undefined && settings.queueType === 'quorum' && settings.queue === undefined,
    redeliveryDelayMs,
    offer: (arrival) => window.offer(arrival),
    onQueueRemoved: () =>
      warn(
        `the broker ended the consumer of the queue ${queue}: if somebody removed the queue, its messages are gone; the queue is made again`,
      ),
  })
}

const queueOf = (settings: AmqpSettings, { topic, group }: SubscribeRequest): string =>
  settings.queue ??
  (group === undefined ? temporaryQueue(settings, topic, randomUUID()) : groupQueue(settings, group, topic))

const removeQueue = async ({ connection }: SubscriptionParts, queue: string): Promise<void> => {
  await onChannel(await connection.session(1), (channel) => channel.deleteQueue(queue))
}

import type { Msg } from '@nats-io/nats-core'
import type { Clock } from '@armature/async/clock'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { SubscribeError } from '@armature/messaging/errors'
import { decodeMessage, isReserved } from './codec.ts'
import type { Connection } from './connection.ts'
import type { Handler, Subscription } from '@armature/messaging/ports'
import { ring } from '@armature/async/ring'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'

export interface SubscriptionParts extends SubscribeRequest {
  readonly connection: Connection
  /** How long to wait for a server that is away. */
  readonly waitMs: number
  readonly clock: Clock | undefined
  readonly warn: (problem: string) => void
}

/** Messages wait here for a handler, since the server cannot be asked to wait. More than this is dropped. */
const maxBacklog = 65_536
const maxBacklogBytes = 64 * 1024 * 1024
const warnEveryMs = 10_000

/** The reply subjects of requests, by the headers of their delivery, which middleware does not see. */
const replies = new WeakMap<object, string>()

/** The subject for the answer to this delivery; undefined if nobody waits for one. */
export const replySubject = (delivery: { readonly headers: object }): string | undefined =>
  replies.get(delivery.headers)

/** Subscribes by a subscription of core NATS: a queue group where there is a group. Rejects with SubscribeError. */
export const openSubscription = async (parts: SubscriptionParts): Promise<Subscription> => {
  const { connection, topic, handle, settings, group, clock, warn } = parts
  const backlog = ring<Msg>()
  let backlogBytes = 0
  let received = 0
  let refusal: Error | undefined
  const report = lossReport(topic, warn)

  /** At most once: what a handler rejects does not come again. */
  const once: Handler = async (delivery) => {
    try {
      await handle(delivery)
    } catch {
      if (!delivery.signal.aborted) report('a handler rejected it')
    }
  }
  const window = deliveryWindow({ handle: once, settings, ...(clock === undefined ? {} : { clock }) })

  const offer = (msg: Msg) => {
    const origin = { topic: msg.subject, receivedAt: new Date(), fallbackId: `${msg.subject}+${++received}` }
    const { message, undecodable } = decodeMessage(msg, origin)
    if (msg.reply) replies.set(message.headers, msg.reply)
    window.offer({ message, attempt: 1, undecodable, ack: pump })
  }

  const pump = () => {
    while (window.hasRoom) {
      const msg = backlog.shift()
      if (msg === undefined) return
      backlogBytes -= sizeOf(msg)
      offer(msg)
    }
  }

  const receive = (error: Error | null, msg: Msg) => {
    if (error !== null) {
      refusal = error
      warn(`the subscription to ${topic} ended: ${error.message}`)
      return
    }
    if (life.state !== 'open' || isReserved(msg.subject)) return
    if (backlog.length === 0 && window.hasRoom) return offer(msg)
    const bytes = sizeOf(msg)
    if (backlog.length >= maxBacklog || backlogBytes + bytes > maxBacklogBytes) {
      report(`handlers are too slow: more than ${maxBacklog} messages or ${maxBacklogBytes} bytes wait`)
      return
    }
    backlog.push(msg)
    backlogBytes += bytes
  }

  const life = subscriptionLife({
    stop: async () => {
      const left = window.stop().length + backlog.length
      if (left > 0) report('the subscription stopped before a handler had it', left)
      if (!subscription.isClosed()) subscription.unsubscribe()
    },
    close: async () => void window.close(),
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
  const subscription = connection.nc.subscribe(topic, {
    ...(group === undefined ? {} : { queue: queueName(group) }),
    callback: receive,
  })
  const known = async () => {
    await connection.whenConnected(parts.waitMs)
    await connection.flush()
  }
  try {
    await known().catch(known)
  } catch (cause) {
    subscription.unsubscribe()
    throw new SubscribeError(topic, (cause as Error).message, cause)
  }
  if (refusal !== undefined) {
    throw new SubscribeError(topic, 'this user may not subscribe to it: ask for the permission', refusal)
  }
  return life
}

/** A name that NATS accepts for a queue group. */
const queueName = (group: string): string =>
  group.replaceAll(/[^\w.-]/gu, (found) => `%${Buffer.from(found).toString('hex')}`)

/** The size of the body, and about the size of the rest. */
const sizeOf = (msg: Msg): number => msg.data.length + 256

/** Warns of lost messages, of the first at once and then at most every 10 s. */
const lossReport = (topic: string, warn: (problem: string) => void) => {
  let lost = 0
  let lastMs = Number.NEGATIVE_INFINITY
  return (why: string, count = 1): void => {
    lost += count
    const nowMs = performance.now()
    if (nowMs - lastMs < warnEveryMs) return
    lastMs = nowMs
    warn(
      `${topic} has lost ${lost} messages, the last because ${why}: nats: delivers at most once, jetstream: keeps messages`,
    )
  }
}

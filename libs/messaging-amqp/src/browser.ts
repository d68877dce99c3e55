import type { Channel, ConsumeMessage, GetMessage } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { amqpDigest, decodeAmqp } from './codec.ts'
import { brokerText, replyCode } from './faults.ts'
import type { AmqpLink, AmqpSession } from './connection.ts'
import { deadLetterQueue, registryQueue } from './names.ts'
import type { AmqpSettings } from './settings.ts'
import { closeChannel, queueExists } from './topology.ts'
import { ConnectError } from '@armature/messaging/errors'
import { reconnectDelayMs } from '@armature/async/backoff'
import type { Held, TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'

export interface BrowserParts {
  readonly link: AmqpLink
  readonly settings: AmqpSettings
}

/** Messages that are fetched ahead of who looks at them. */
const chunk = 100
/** What the broker counted and does not deliver within this is with somebody else. */
const patienceMs = 1_000
const resourceLocked = 405
const maxTopics = 10_000

/** A queue with its messages taken out, unacknowledged, in order. All that is not removed goes back at the end. */
interface Sitting {
  /** The next messages; none at the end of what was there at the beginning. */
  next(atMost: number): Promise<readonly Taken[]>
  remove(tag: number): void
  readonly isOpen: boolean
  close(): Promise<void>
}

type Taken = ConsumeMessage | GetMessage

/** By which `remove` finds a message: on the sitting that took it out, while that lasts, else by what it holds. */
interface Handle {
  readonly sitting: Sitting
  readonly tag: number
  readonly digest: string
}

/**
 * Looks into the queues of dead letters: takes messages out without acknowledging them and gives them back in order, one process at a
 * time for each queue. Whoever consumes such a queue by other means gets what is not taken out.
 */
export const amqpBrowser = ({ link, settings }: BrowserParts): TopicBrowser => {
  const { connectWaitMs } = settings.url

  const sit = async (queue: string): Promise<Sitting | undefined> => {
    const session = await link.session(connectWaitMs)
    if (!(await queueExists(session, queue))) return undefined
    const unlock = await lock(session, queue, connectWaitMs)
    return sitting(session, queue, unlock)
  }

  async function* browse(topic: string, { max, signal }: { max: number; signal?: AbortSignal }): AsyncGenerator<Held> {
    checkTopic(topic)
    const taken = await sit(deadLetterQueue(settings, topic))
    if (taken === undefined) return
    try {
      for (let left = max; left > 0 && signal?.aborted !== true;) {
        const received = await taken.next(Math.min(left, chunk))
        if (received.length === 0) return
        left -= received.length
        for (const each of received) {
          if (isAborted(signal)) return
          yield heldIn(taken, topic, each)
        }
      }
    } finally {
      await taken.close()
    }
  }

  /** Those that no sitting has any more. */
  const removeByContent = async (topic: string, digests: readonly string[]) => {
    const wanted = new Map<string, number>()
    for (const digest of digests) wanted.set(digest, (wanted.get(digest) ?? 0) + 1)
    const taken = await sit(deadLetterQueue(settings, topic))
    if (taken === undefined) return
    try {
      for (let left = digests.length; left > 0;) {
        const received = await taken.next(chunk)
        if (received.length === 0) return
        for (const each of received) {
          const digest = amqpDigest(each)
          const count = wanted.get(digest) ?? 0
          if (count === 0) continue
          wanted.set(digest, count - 1)
          taken.remove(each.fields.deliveryTag)
          left--
        }
      }
    } finally {
      await taken.close()
    }
  }

  return {
    browse,
    remove: async (topic, held) => {
      checkTopic(topic)
      const others: string[] = []
      for (const { handle } of held) {
        const { sitting: taken, tag, digest } = handle as Handle
        if (taken.isOpen) taken.remove(tag)
        else others.push(digest)
      }
      if (others.length > 0) await removeByContent(topic, others)
    },
    topics: async () => {
      const taken = await sit(registryQueue(settings))
      if (taken === undefined) return []
      const topics = new Set<string>()
      try {
        while (topics.size < maxTopics) {
          const received = await taken.next(chunk)
          if (received.length === 0) break
          for (const { content, fields } of received) {
            const topic = content.toString()
            // Two processes may have made a queue at the same moment.
            if (topics.has(topic)) taken.remove(fields.deliveryTag)
            topics.add(topic)
          }
        }
      } finally {
        await taken.close()
      }
      const session = await link.session(connectWaitMs)
      const found: string[] = []
      for (const topic of topics) if (await queueExists(session, deadLetterQueue(settings, topic))) found.push(topic)
      return found.sort()
    },
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

const heldIn = (taken: Sitting, topic: string, received: Taken): Held => {
  const { message } = decodeAmqp(received, topic)
  const timestamp: unknown = received.properties.timestamp
  const handle: Handle = { sitting: taken, tag: received.fields.deliveryTag, digest: amqpDigest(received) }
  return {
    ...message,
    topic,
    storedAt: typeof timestamp === 'number' ? new Date(timestamp * 1000) : message.time,
    handle,
  }
}

const sitting = async (session: AmqpSession, queue: string, unlock: () => Promise<void>): Promise<Sitting> => {
  const channel: Channel = await session.model.createChannel()
  let isOpen = true
  let closing: Promise<void> | undefined
  channel.on('error', () => undefined)
  channel.on('close', () => (isOpen = false))
  // The count alone may be from before the last look gave its messages back; taking one waits for that.
  let first = (await channel.get(queue)) || undefined
  let left = first === undefined ? 0 : 1 + (await channel.checkQueue(queue)).messageCount
  /** In order of delivery. */
  const out = new Set<number>()

  const close = async () => {
    if (isOpen) {
      for (const tag of out) channel.nack(tagged(tag), false, true)
      isOpen = false
      // The answer comes after the queue has them back.
      await channel.checkQueue(queue).catch(() => undefined)
      await closeChannel(channel)
    }
    await unlock()
  }

  return {
    get isOpen() {
      return isOpen
    },
    next: async (atMost) => {
      const received: Taken[] = first === undefined ? [] : [first]
      first = undefined
      received.push(...(await take(channel, queue, Math.min(atMost, left) - received.length)))
      left = received.length === 0 ? 0 : left - received.length
      for (const { fields } of received) out.add(fields.deliveryTag)
      return received
    },
    remove: (tag) => {
      if (!out.delete(tag)) return
      channel.ack(tagged(tag))
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

/** So many messages, or fewer where others hold some. */
const take = async (channel: Channel, queue: string, count: number): Promise<readonly Taken[]> => {
  if (count <= 0) return []
  const received: Taken[] = []
  const whole = Promise.withResolvers<void>()
  let timer = setTimeout(whole.resolve, patienceMs)
  const consumerTag = randomUUID()
  await channel.prefetch(count)
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return whole.resolve()
      received.push(message)
      clearTimeout(timer)
      timer = setTimeout(whole.resolve, patienceMs)
      if (received.length === count) whole.resolve()
    },
    { consumerTag },
  )
  await whole.promise
  clearTimeout(timer)
  await channel.cancel(consumerTag)
  return received
}

/** A queue that only one connection may have is the lock; it goes with its channel's queue or the connection. */
const lock = async (session: AmqpSession, queue: string, waitMs: number): Promise<() => Promise<void>> => {
  const startedMs = performance.now()
  const name = `lock-${amqpDigest({ content: Buffer.from(queue), fields: { routingKey: '' }, properties: {} })}`
  for (let tries = 1; ; tries++) {
    const channel = await session.model.createChannel()
    channel.on('error', () => undefined)
    try {
      await channel.assertQueue(name, { exclusive: true, durable: false })
      return async () => {
        await channel.deleteQueue(name).catch(() => undefined)
        await closeChannel(channel)
      }
    } catch (error) {
      if (replyCode(error) !== resourceLocked) throw error
      if (performance.now() - startedMs > waitMs) {
        const problem = `somebody else looks into ${queue} for more than ${waitMs} ms`
        throw new ConnectError('unavailable', `${problem} (${brokerText(error)}): try again later`, { cause: error })
      }
      await pause(reconnectDelayMs(tries))
    }
  }
}

const tagged = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage

import type { Channel, ConsumeMessage, GetMessage } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { closeChannel, openChannel, tagged } from './channel.ts'
import { amqpDigest } from './codec.ts'
import { brokerText, replyCode } from './faults.ts'
import type { AmqpSession } from './session.ts'
import { ConnectError } from '@armature/messaging/errors'
import { reconnectDelayMs } from '@armature/async/backoff'

/** Takes the messages of a queue out without acknowledging them, in order. All that is not removed goes back at the end. */
export interface QueueReader {
  /** The next messages; none at the end of what was there at the beginning. */
  next(maxMessages: number): Promise<readonly UnackedMessage[]>
  /** Acknowledges a message, by its delivery tag. One that is settled already is no error. */
  remove(deliveryTag: number): void
  readonly isOpen: boolean
  /** Gives all that is left back, in order. Safe to call twice. */
  close(): Promise<void>
}

export type UnackedMessage = ConsumeMessage | GetMessage

/** A message that the broker counted and does not deliver within this time is with another consumer. */
const nextMessageMs = 1_000
const resourceLocked = 405

/**
 * Reads a queue that is there, once no other process reads it so. Rejects with ConnectError when another one does for longer than `lockWaitMs`.
 */
export const openQueueReader = async (
  session: AmqpSession,
  queue: string,
  lockWaitMs: number,
): Promise<QueueReader> => {
  const unlock = await lock(session, queue, lockWaitMs)
  const channel = await openChannel(session)
  let isOpen = true
  let closing: Promise<void> | undefined
  channel.on('close', () => (isOpen = false))
  // The count alone may be from before the last reader gave its messages back. Taking one waits for that.
  let first = (await channel.get(queue)) || undefined
  let left = first === undefined ? 0 : 1 + (await channel.checkQueue(queue)).messageCount
  /** Delivery tags, in order. */
  const unacked = new Set<number>()

  const close = async () => {
    if (isOpen) {
      for (const tag of unacked) channel.nack(tagged(tag), false, true)
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
    next: async (maxMessages) => {
      const received: UnackedMessage[] = first === undefined ? [] : [first]
      first = undefined
      received.push(...(await take(channel, queue, Math.min(maxMessages, left) - received.length)))
      left = received.length === 0 ? 0 : left - received.length
      for (const { fields } of received) unacked.add(fields.deliveryTag)
      return received
    },
    remove: (deliveryTag) => {
      if (unacked.delete(deliveryTag)) channel.ack(tagged(deliveryTag))
    },
    close: () => (closing ??= close()),
  }
}

/** Takes so many messages, or fewer where others have some. */
const take = async (channel: Channel, queue: string, count: number): Promise<readonly UnackedMessage[]> => {
  if (count <= 0) return []
  const received: UnackedMessage[] = []
  const complete = Promise.withResolvers<void>()
  let timer = setTimeout(complete.resolve, nextMessageMs)
  const consumerTag = randomUUID()
  await channel.prefetch(count)
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return complete.resolve()
      received.push(message)
      clearTimeout(timer)
      timer = setTimeout(complete.resolve, nextMessageMs)
      if (received.length === count) complete.resolve()
    },
    { consumerTag },
  )
  await complete.promise
  clearTimeout(timer)
  await channel.cancel(consumerTag)
  return received
}

/** The lock is a queue that only one connection may have. The broker removes it with the connection. */
const lock = async (session: AmqpSession, queue: string, waitMs: number): Promise<() => Promise<void>> => {
  const startedAtMs = performance.now()
  const name = `lock-${amqpDigest({ content: Buffer.from(queue), fields: { routingKey: '' }, properties: {} })}`
  for (let tries = 1; ; tries++) {
    const channel = await openChannel(session)
    try {
      await channel.assertQueue(name, { exclusive: true, durable: false })
      return async () => {
        await channel.deleteQueue(name).catch(() => undefined)
        await closeChannel(channel)
      }
    } catch (error) {
      if (replyCode(error) !== resourceLocked) throw error
      if (performance.now() - startedAtMs > waitMs) {
        const problem = `somebody else has looked into the queue ${queue} for more than ${waitMs} ms`
        throw new ConnectError('unavailable', `${problem} (${brokerText(error)}): try again later`, { cause: error })
      }
      await pause(reconnectDelayMs(tries))
    }
  }
}

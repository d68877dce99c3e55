import type { Channel, ConsumeMessage } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { amqpAcks } from './acks.ts'
import { closeChannel, openChannel, tagged } from './channel.ts'
import { decodeAmqp } from './codec.ts'
import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import type { Arrival } from '@armature/messaging-kit/delivery-window'

/** A message of one consumer: settled on its channel, or never. */
export interface AmqpArrival extends Arrival {
  readonly consumer: AmqpConsumer
  readonly deliveryTag: number
}

/** A consumer of a queue on one channel of one connection. It ends with either; then the broker has back what is unacknowledged. */
export interface AmqpConsumer {
  /** Resolves when the channel is gone. */
  readonly ended: Promise<void>
  /** Deliveries that come from now on stay unacknowledged. `close` gives them back. */
  pause(): void
  /** No more messages come once it resolves. What came meanwhile and what waited for its delay is given back. */
  cancel(): Promise<void>
  /** Gives messages back to the broker, which delivers them again at once, to others too. */
  giveBack(arrivals: readonly AmqpArrival[]): void
  /** Ends the channel: acknowledgements are sent before, the rest goes back in one step, in order. */
  close(): Promise<void>
}

export interface ConsumerParts {
  readonly session: AmqpSession
  readonly settings: AmqpSettings
  readonly queue: string
  readonly prefetch: number
  /** The topic of messages whose routing key is not a topic. */
  readonly topic: string
  /** Whether the broker counts deliveries. Then a rejected message goes back to it, else the window delivers the message again. */
  readonly countsDeliveries: boolean
  readonly redeliveryDelayMs: number
  /** Takes a message. False = refused: it goes back. */
  readonly offer: (arrival: AmqpArrival) => boolean
  /** Somebody removed the queue. The consumer ends after it. */
  readonly onQueueRemoved: () => void
}

/** Opens a channel and consumes. Rejects as the client does. */
export const amqpConsumer = async (parts: ConsumerParts): Promise<AmqpConsumer> => {
  const { session, settings, queue, prefetch, countsDeliveries, redeliveryDelayMs } = parts
  const channel = await openChannel(session)
  const ended = Promise.withResolvers<void>()
  const unacked = unackedMessages(channel)
  const consumerTag = randomUUID()
  let isPaused = false
  /** Refused after a pause. */
  let refused: AmqpArrival[] = []

  channel.on('close', () => {
    unacked.end()
    ended.resolve()
  })

  const onMessage = (received: ConsumeMessage | null) => {
    // The subscription opens another consumer, which makes the queue again.
    if (received === null) {
      if (!isPaused) parts.onQueueRemoved()
      return void consumer.close()
    }
    const { deliveryTag } = received.fields
    const arrival: AmqpArrival = {
      ...decodeAmqp(received, parts.topic),
      attempt: attemptOf(received, countsDeliveries),
      consumer,
      deliveryTag,
      ack: () => unacked.ack(deliveryTag),
      ...(countsDeliveries
        ? { reject: () => unacked.releaseAfter(deliveryTag, isPaused ? 0 : redeliveryDelayMs) }
        : {}),
    }
    if (parts.offer(arrival)) return
    if (isPaused) refused.push(arrival)
    else unacked.release(deliveryTag)
  }

  const giveBack = (arrivals: readonly AmqpArrival[]) => {
    const tags = arrivals.map(({ deliveryTag }) => deliveryTag)
    for (const tag of tags.sort((a, b) => a - b)) unacked.release(tag)
  }

  const consumer: AmqpConsumer = {
    ended: ended.promise,
    pause: () => {
      isPaused = true
    },
    cancel: async () => {
      isPaused = true
      await channel.cancel(consumerTag).catch(() => undefined)
      unacked.releaseDelayed()
      giveBack(refused)
      refused = []
    },
    giveBack,
    close: async () => {
      if (unacked.flushAndEnd()) await closeChannel(channel)
      else await ended.promise
    },
  }

  await channel.prefetch(prefetch)
  const { priority } = settings
  await channel.consume(queue, onMessage, { consumerTag, ...(priority === undefined ? {} : { priority }) })
  return consumer
}

/** Quorum queues count the deliveries of a message that came back. Others only say that it is not the first one. */
const attemptOf = ({ fields, properties }: ConsumeMessage, countsDeliveries: boolean): number => {
  const count: unknown = properties.headers?.['x-delivery-count']
  if (countsDeliveries && typeof count === 'number') return count + 1
  return fields.redelivered ? 2 : 1
}

/** Settles the messages of one channel. Once the channel closes it sends nothing: the broker has them back then. */
const unackedMessages = (channel: Channel) => {
  /** The client throws for what is sent on a channel that closes. */
  let isOpen = true
  /** Rejected ones that wait for their delay, by delivery tag. */
  const delayed = new Map<number, NodeJS.Timeout>()
  const acks = amqpAcks({
    send: (tag, upTo) => {
      if (isOpen) channel.ack(tagged(tag), upTo)
    },
  })

  const release = (tag: number) => {
    delayed.delete(tag)
    if (!isOpen) return
    acks.gone(tag)
    channel.nack(tagged(tag), false, true)
  }

  return {
    ack: acks.ack,
    release,
    releaseAfter: (tag: number, delayMs: number) => {
      delayed.set(tag, setTimeout(() => release(tag), delayMs).unref())
    },
    releaseDelayed: () => {
      for (const [tag, timer] of [...delayed].sort(([a], [b]) => a - b)) {
        clearTimeout(timer)
        release(tag)
      }
    },
    /** Sends the acknowledgements that are due, then nothing more. Answers whether the channel was open. */
    flushAndEnd: (): boolean => {
      if (!isOpen) return false
      acks.flush()
      isOpen = false
      return true
    },
    /** The channel is gone. */
    end: () => {
      isOpen = false
      for (const timer of delayed.values()) clearTimeout(timer)
      delayed.clear()
    },
  }
}

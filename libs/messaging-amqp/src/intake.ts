import type { Channel, ConsumeMessage } from 'amqplib'
import { randomUUID } from 'node:crypto'
import { amqpAcks } from './acks.ts'
import { decodeAmqp } from './codec.ts'
import type { AmqpSession } from './connection.ts'
import type { AmqpSettings } from './settings.ts'
import { closeChannel } from './topology.ts'
import type { Arrival } from '@armature/messaging-kit/delivery-window'

/** A message of one intake: settled on its channel, or never. */
export interface AmqpArrival extends Arrival {
  readonly intake: AmqpIntake
  readonly tag: number
}

/** A consumer of a queue on one channel of one connection. It ends with either; then the broker has back what was not acknowledged. */
export interface AmqpIntake {
  readonly isOpen: boolean
  /** Resolves when the channel is gone. */
  readonly ended: Promise<void>
  /** What comes from now on stays unsettled, for `close` to give back. */
  pause(): void
  /** No more messages come once it resolves; what came meanwhile and what waited for its delay is given back. */
  cancel(): Promise<void>
  /** Gives messages back to the broker, which delivers them again at once, to others too. */
  giveBack(arrivals: readonly Arrival[]): void
  /** Ends the channel: acknowledgements are sent before, the rest goes back in one step, in order. */
  close(): Promise<void>
}

export interface IntakeParts {
  readonly session: AmqpSession
  readonly settings: AmqpSettings
  readonly queue: string
  readonly prefetch: number
  /** The topic of messages whose routing key is none. */
  readonly topic: string
  /** The broker counts deliveries and brings rejected messages again; where it does not, that is done here. */
  readonly countsDeliveries: boolean
  readonly redeliveryDelayMs: number
  /** False = not taken: it goes back. */
  readonly offer: (arrival: AmqpArrival) => boolean
  /** Somebody removed the queue; the intake ends after it. */
  readonly onQueueRemoved: () => void
}

/** Opens a channel and consumes. Rejects as the client does. */
export const amqpIntake = async (parts: IntakeParts): Promise<AmqpIntake> => {
  const { session, settings, queue, prefetch, countsDeliveries, redeliveryDelayMs } = parts
  const channel: Channel = await session.model.createChannel()
  const ended = Promise.withResolvers<void>()
  /** Rejected ones that wait for their delay. */
  const delays = new Map<number, NodeJS.Timeout>()
  let isOpen = true
  /** The client throws for what is sent on a channel that closes. */
  let isClosing = false
  let isStopped = false
  const consumerTag = randomUUID()
  let refused: AmqpArrival[] = []

  channel.on('error', () => undefined)
  channel.on('close', () => {
    isOpen = false
    for (const timer of delays.values()) clearTimeout(timer)
    delays.clear()
    ended.resolve()
  })

  const acks = amqpAcks({
    send: (tag, upTo) => {
      if (isOpen && !isClosing) channel.ack(tagged(tag), upTo)
    },
  })

  const release = (tag: number) => {
    delays.delete(tag)
    if (!isOpen || isClosing) return
    acks.gone(tag)
    channel.nack(tagged(tag), false, true)
  }

  const onMessage = (received: ConsumeMessage | null) => {
    // The channel is opened again, which makes the queue again.
    if (received === null) {
      if (!isStopped) parts.onQueueRemoved()
      return void intake.close()
    }
    const { deliveryTag: tag, redelivered } = received.fields
    const count: unknown = received.properties.headers?.['x-delivery-count']
    const again = redelivered ? 2 : 1
    const arrival: AmqpArrival = {
      ...decodeAmqp(received, parts.topic),
      attempt: countsDeliveries ? (typeof count === 'number' ? count + 1 : again) : again,
      intake,
      tag,
      ack: () => acks.ack(tag),
      ...(countsDeliveries
        ? {
            reject: () => {
              const delayMs = isStopped ? 0 : redeliveryDelayMs
              delays.set(tag, setTimeout(() => release(tag), delayMs).unref())
            },
          }
        : {}),
    }
    if (parts.offer(arrival)) return
    if (isStopped) refused.push(arrival)
    else release(tag)
  }

  const giveBack = (arrivals: readonly Arrival[]) => {
    const tags = arrivals.map((arrival) => (arrival as AmqpArrival).tag)
    for (const tag of tags.sort((a, b) => a - b)) release(tag)
  }

  const intake: AmqpIntake = {
    get isOpen() {
      return isOpen
    },
    ended: ended.promise,
    pause: () => {
      isStopped = true
    },
    cancel: async () => {
      isStopped = true
      await channel.cancel(consumerTag).catch(() => undefined)
      for (const [tag, timer] of [...delays].sort(([a], [b]) => a - b)) {
        clearTimeout(timer)
        release(tag)
      }
      giveBack(refused)
      refused = []
    },
    giveBack,
    close: async () => {
      if (!isOpen || isClosing) return ended.promise
      acks.flush()
      isClosing = true
      await closeChannel(channel)
    },
  }

  await channel.prefetch(prefetch)
  const { priority } = settings
  await channel.consume(queue, onMessage, { consumerTag, ...(priority === undefined ? {} : { priority }) })
  return intake
}

/** All that the client wants to know of a message that it settles. */
const tagged = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage

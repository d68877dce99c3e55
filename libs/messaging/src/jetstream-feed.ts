import type { Msg } from '@nats-io/nats-core'
import type { Arrival } from './delivery-window.ts'
import { pull, type PullParts } from './jetstream-pull.ts'
import { turn } from './jetstream-turn.ts'
import { decodeMessage, isReserved } from './nats-codec.ts'

/** Where a message lies and how often it came: what JetStream says in the reply subject. */
export interface Place {
  readonly sequence: number
  /** Counts what the consumer sent. */
  readonly delivery: number
  readonly attempt: number
  readonly storedAt: Date
}

/**
 * `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<attempt>.<sequence>.<delivery>.<nanoseconds>.<pending>[.<random>]`, see
 * https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md.
 */
export const placeOf = (reply: string): Place => {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 6 : 4
  return {
    attempt: Number(tokens[at]),
    sequence: Number(tokens[at + 1]),
    delivery: Number(tokens[at + 2]),
    storedAt: new Date(Number(tokens[at + 3]?.slice(0, -6))),
  }
}

/** A message of a stream, as a subscription hands it to its window. */
export const arrivalOf = (
  msg: Msg,
  { sequence, storedAt, attempt }: Place,
  settle: Pick<Arrival, 'ack' | 'reject'>,
): Arrival => {
  const topic = msg.subject
  const { message, undecodable } = decodeMessage(msg, {
    topic,
    receivedAt: storedAt,
    fallbackId: `${topic}+0+${sequence}`,
  })
  return { message, undecodable, attempt, position: { partition: 0, offset: sequence }, ...settle }
}

/** What comes from one consumer of one stream. */
export interface Feed {
  wake(): void
  /** Gives back what no handler has, by `left`, and takes nothing more. */
  stop(left: readonly Arrival[]): Promise<void>
  /** Gives back what is unsettled, by `left`. */
  close(left: readonly Arrival[]): Promise<void>
}

export interface FeedParts extends Pick<PullParts, 'link' | 'stream' | 'room'> {
  /**
   * The name of a consumer that begins at this sequence, made where it is not there; undefined = where the subscription begins.
   * Rejects where the stream is gone.
   */
  readonly consumerFrom: (sequence: number | undefined) => Promise<string>
  /** The stream is gone. */
  readonly onGone: () => void
  readonly offer: (arrival: Arrival) => void
  /** It takes no room any more. */
  readonly settled: (arrival: Arrival) => void
}

export interface DurableParts extends FeedParts {
  /** Of a consumer whose clients take turns. */
  readonly pinGroup: () => string | undefined
  /**
   * Has the server forget the requests of clients that listen no more. Those it still has make it take the next message in hand and put it
   * back behind the others.
   */
  readonly forgetRequests: (consumer: string) => Promise<unknown>
  /** How many messages of the consumer are unsettled, whoever has them. */
  readonly unsettledIn: (consumer: string) => Promise<number>
  /** Lets go of a message whose handler took too long. */
  readonly letGo: (arrival: Arrival) => void
  readonly ackWaitMs: number
  readonly maxHandlingMs: number
  readonly redeliveryDelayMs: number
}

interface Unsettled {
  reply: string
  readonly arrival: Arrival
  readonly sinceMs: number
  touchedMs: number
}

/** Requested at once of what a member waits for. */
const turnBytes = 16 * 1024 * 1024

const ack = '+ACK'
const again = '-NAK'
const working = '+WPI'

/**
 * The messages of a durable consumer. What is unsettled is kept alive by signs of work, so that it does not come again elsewhere, until
 * `maxHandlingMs`. What comes again though it is still unsettled here is the same delivery.
 */
export const durableFeed = async (parts: DurableParts): Promise<Feed> => {
  const { link, ackWaitMs, maxHandlingMs, redeliveryDelayMs } = parts
  const unsettled = new Map<number, Unsettled>()
  const byArrival = new Map<Arrival, number>()
  /** Answers of the time without a connection: the server takes them late. */
  let late: { reply: string; answer: string }[] = []
  /** Of what came while the server was told that nobody listens. */
  const tooLate: string[] = []
  let next: number | undefined
  let stopped = false
  const rejected = redeliveryDelayMs === 0 ? again : `${again} {"delay":${redeliveryDelayMs * 1_000_000}}`

  const say = (reply: string, answer: string) => {
    if (link.connected) link.nc.publish(reply, answer)
    else if (!link.nc.isClosed()) late.push({ reply, answer })
  }

  const settle = (arrival: Arrival, sequence: number, answer: string) => {
    const entry = unsettled.get(sequence)
    if (entry?.arrival !== arrival) return
    unsettled.delete(sequence)
    byArrival.delete(arrival)
    parts.settled(arrival)
    say(entry.reply, answer)
    pulling.wake()
  }

  const onMessage = (msg: Msg) => {
    const reply = msg.reply ?? ''
    if (stopped) return void tooLate.push(reply)
    if (isReserved(msg.subject)) return say(reply, ack)
    const place = placeOf(reply)
    const known = unsettled.get(place.sequence)
    if (known !== undefined) {
      known.reply = reply
      return
    }
    next = Math.max(next ?? 0, place.sequence + 1)
    const nowMs = performance.now()
    const arrival: Arrival = arrivalOf(msg, place, {
      ack: () => settle(arrival, place.sequence, ack),
      reject: () => settle(arrival, place.sequence, rejected),
    })
    unsettled.set(place.sequence, { reply, arrival, sinceMs: nowMs, touchedMs: nowMs })
    byArrival.set(arrival, place.sequence)
    turns.take(place.sequence, arrival)
  }

  const keepAlive = () => {
    const nowMs = performance.now()
    for (const entry of unsettled.values()) {
      if (nowMs - entry.sinceMs > maxHandlingMs) {
        parts.letGo(entry.arrival)
        entry.arrival.reject?.()
      } else if (link.connected && nowMs - entry.touchedMs >= ackWaitMs / 3) {
        entry.touchedMs = nowMs
        link.nc.publish(entry.reply, working)
      }
    }
  }

  /** In their order: they come again in that of their return. */
  const giveBack = async (left: readonly Arrival[]) => {
    if (left.length + tooLate.length === 0) return
    if (link.connected) await parts.forgetRequests(consumer).catch(() => undefined)
    for (const arrival of left) {
      const sequence = byArrival.get(arrival)
      if (sequence !== undefined) settle(arrival, sequence, again)
    }
    for (const reply of tooLate.splice(0)) say(reply, again)
  }

  const turns = turn({
    unsettled: () => parts.unsettledIn(consumer),
    here: () => unsettled.size,
    offer: parts.offer,
    wake: () => pulling.wake(),
  })
  const room: FeedParts['room'] = (requested) =>
    turns.missing === undefined ? parts.room(requested) : { messages: turns.missing - requested, bytes: turnBytes }
  const open = () =>
    pull({
      ...parts,
      room,
      pinGroup: parts.pinGroup(),
      consumer,
      onMessage,
      onTurn: turns.begin,
      onGone: () => void reopen().catch(parts.onGone),
    })
  /** From the oldest message that is unsettled here, where somebody removed the consumer. */
  const reopen = async () => {
    try {
      consumer = await parts.consumerFrom(next === undefined ? undefined : Math.min(next, ...unsettled.keys()))
      if (!stopped) pulling = open()
    } catch {
      if (!stopped) parts.onGone()
    }
  }
  let consumer = await parts.consumerFrom(undefined)
  let pulling = open()
  const timer = setInterval(keepAlive, Math.max(20, ackWaitMs / 6)).unref()
  const forgetReconnect = link.onReconnect(() => {
    const due = late
    late = []
    for (const { reply, answer } of due) link.nc.publish(reply, answer)
    for (const entry of unsettled.values()) entry.touchedMs = 0
    keepAlive()
  })

  const stop = async (left: readonly Arrival[]) => {
    stopped = true
    const held = turns.end()
    await pulling.stop()
    await giveBack([...left, ...held])
  }

  return {
    wake: () => pulling.wake(),
    stop,
    close: async (left) => {
      await stop(left)
      clearInterval(timer)
      forgetReconnect()
      unsettled.clear()
      byArrival.clear()
    },
  }
}

export interface OrderedParts extends FeedParts {
  readonly removeConsumer: (name: string) => Promise<void>
}

/**
 * All messages of a stream in their order, for one subscription: a consumer without acknowledgements that is made again from the message
 * after the last one where it is lost or a message is missing. Rejected ones are kept here until they are acknowledged.
 */
export const orderedFeed = async (parts: OrderedParts): Promise<Feed> => {
  let next: number | undefined
  let delivered = 0
  let consumer = await parts.consumerFrom(undefined)
  let stopped = false

  const onMessage = (msg: Msg) => {
    if (stopped) return
    const place = placeOf(msg.reply ?? '')
    if (place.delivery !== delivered + 1) {
      if (place.delivery > delivered + 1) void reopen().catch(parts.onGone)
      return
    }
    delivered = place.delivery
    next = place.sequence + 1
    if (isReserved(msg.subject)) return
    const settled = () => {
      parts.settled(arrival)
      pulling.wake()
    }
    const arrival: Arrival = arrivalOf(msg, { ...place, attempt: 1 }, { ack: settled })
    parts.offer(arrival)
  }

  const open = () => pull({ ...parts, consumer, onMessage, onGone: () => void reopen().catch(parts.onGone) })

  let reopening: Promise<void> | undefined
  const reopen = (): Promise<void> =>
    (reopening ??= (async () => {
      await pulling.stop()
      try {
        const fresh = await parts.consumerFrom(next)
        if (stopped) return void (await parts.removeConsumer(fresh))
        consumer = fresh
        delivered = 0
        pulling = open()
      } catch {
        parts.onGone()
      } finally {
        reopening = undefined
      }
    })())

  let pulling = open()

  const stop = async () => {
    stopped = true
    await pulling.stop()
  }

  return {
    wake: () => pulling.wake(),
    stop,
    close: async () => {
      await stop()
      if (parts.link.connected) await parts.removeConsumer(consumer)
    },
  }
}

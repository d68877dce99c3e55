import type { Msg } from '@nats-io/nats-core'
import type { Arrival } from '@armature/messaging-kit/delivery-window'
import { arrivalOf, persistently, placeOf, type Feed, type FeedParts, type LastSeen } from './jetstream-feed.ts'
import { pull } from './jetstream-pull.ts'
import { turn } from './jetstream-turn.ts'
import { isReserved } from './codec.ts'

export interface DurableParts extends FeedParts {
  /** Of a consumer whose clients take turns. */
  readonly pinGroup: () => string | undefined
  /**
   * Has the server forget the requests of clients that listen no more. Those it still has make it take the next message in hand and put it
   * back behind the others.
   */
  readonly forgetRequests: (consumer: string) => Promise<unknown>
  /** Whether the stream is in the life that this message was of. Rejects where the server does not say. */
  readonly isSameLife: (last: LastSeen) => Promise<boolean>
  /** How many messages of the consumer are unsettled, whoever has them. */
  readonly unsettledIn: (consumer: string) => Promise<number>
  /** Lets go of messages that their handlers have no more, for this reason: the handlers' signals tell them. */
  readonly letGo: (arrivals: ReadonlySet<Arrival>, reason: string) => void
  readonly ackWaitMs: number
  readonly maxHandlingMs: number
  readonly redeliveryDelayMs: number
}

interface Unsettled {
  reply: string
  readonly storedAtMs: number
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
 *
 * A sequence belongs to one life of the stream. An answer to the message of one would settle that of another, so after a reconnection, and
 * when the stream is said to be deleted, nothing is answered before its life is known. What is unsettled of a past life is the window's.
 */
export const durableFeed = async (parts: DurableParts): Promise<Feed> => {
  const { link, ackWaitMs, maxHandlingMs, redeliveryDelayMs } = parts
  const unsettled = new Map<number, Unsettled>()
  const byArrival = new Map<Arrival, number>()
  /** Answers of the time without a connection: the server takes them late. */
  let late: { reply: string; answer: string }[] = []
  /** Of what came while the server was told that nobody listens. */
  const tooLate: string[] = []
  let last: LastSeen | undefined
  let stopped = false
  let isVerified = true
  let verifying: Promise<void> | undefined
  /** Signs of work are due, for all. */
  let isOverdue = false
  const rejected = redeliveryDelayMs === 0 ? again : `${again} {"delay":${redeliveryDelayMs * 1_000_000}}`

  const say = (reply: string, answer: string) => {
    if (link.connected && isVerified) link.nc.publish(reply, answer)
    else if (!link.nc.isClosed()) late.push({ reply, answer })
  }

  const forget = (sequence: number, arrival: Arrival) => {
    unsettled.delete(sequence)
    byArrival.delete(arrival)
    parts.settled(arrival)
  }

  const settle = (arrival: Arrival, sequence: number, answer: string) => {
    const entry = unsettled.get(sequence)
    if (entry?.arrival !== arrival) return
    forget(sequence, arrival)
    say(entry.reply, answer)
    pulling.wake()
  }

  /** Nobody brings again what was stored in a past life of the stream: the window does, and nobody is told. */
  const disown = () => {
    for (const { arrival } of unsettled.values()) {
      arrival.ack = () => {
        parts.settled(arrival)
        pulling.wake()
      }
      delete arrival.reject
    }
    unsettled.clear()
    byArrival.clear()
    late = []
    last = undefined
    turns.release()
  }

  const onMessage = (msg: Msg) => {
    const reply = msg.reply ?? ''
    if (stopped) return void tooLate.push(reply)
    if (isReserved(msg.subject)) return say(reply, ack)
    const place = placeOf(reply)
    const storedAtMs = place.storedAt.getTime()
    const known = unsettled.get(place.sequence)
    if (known?.storedAtMs === storedAtMs) {
      known.reply = reply
      return
    }
    if (known !== undefined) disown()
    if (last === undefined || place.sequence > last.sequence) last = place
    const nowMs = performance.now()
    const arrival: Arrival = arrivalOf(msg, place, {
      ack: () => settle(arrival, place.sequence, ack),
      reject: () => settle(arrival, place.sequence, rejected),
    })
    unsettled.set(place.sequence, { reply, storedAtMs, arrival, sinceMs: nowMs, touchedMs: nowMs })
    byArrival.set(arrival, place.sequence)
    turns.take(place.sequence, arrival)
  }

  const verified = () => {
    isVerified = true
    for (const { reply, answer } of late.splice(0)) say(reply, answer)
    keepAlive()
  }

  const verify = () => {
    isVerified = false
    verifying ??= (async () => {
      try {
        if (last !== undefined && !(await parts.isSameLife(last))) {
          disown()
          pulling.lost()
        }
        verified()
      } catch {
        // The next sign of work asks again.
      } finally {
        verifying = undefined
      }
    })()
  }

  const keepAlive = () => {
    if (!isVerified && link.connected) verify()
    const nowMs = performance.now()
    const isHeard = link.connected && isVerified
    const expired = new Set<Arrival>()
    for (const [sequence, entry] of unsettled) {
      const silentMs = nowMs - entry.touchedMs
      if (nowMs - entry.sinceMs > maxHandlingMs) {
        parts.letGo(new Set([entry.arrival]), `a handler took longer than ${maxHandlingMs} ms`)
        entry.arrival.reject?.()
      } else if (!isHeard && silentMs > ackWaitMs) {
        // The server brings it to another by now.
        expired.add(entry.arrival)
        forget(sequence, entry.arrival)
      } else if (isHeard && (isOverdue || silentMs >= ackWaitMs / 3)) {
        entry.touchedMs = nowMs
        link.nc.publish(entry.reply, working)
      }
    }
    if (isHeard) isOverdue = false
    if (expired.size > 0) parts.letGo(expired, `there was no connection for longer than ${ackWaitMs} ms`)
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
      onGone: () => void reopen().catch(() => parts.onGone(last)),
    })
  /** From the oldest message that is unsettled here, where somebody removed the consumer. */
  const reopen = async () => {
    const seen = last
    const resume = () =>
      seen === undefined ? undefined : { next: Math.min(seen.sequence + 1, ...unsettled.keys()), last: seen }
    const made = await persistently(
      () => parts.consumerFrom(resume()),
      () => stopped || link.nc.isClosed(),
    )
    if (made?.sameLife !== true) disown()
    if (stopped) return
    if (made === undefined) return parts.onGone(seen)
    consumer = made.name
    pulling = open()
    verified()
  }
  let { name: consumer } = await parts.consumerFrom(undefined)
  let pulling = open()
  const timer = setInterval(keepAlive, Math.max(20, ackWaitMs / 6)).unref()
  const forgetReconnect = link.onReconnect(() => {
    isOverdue = true
    verify()
  })

  const stop = async (left: readonly Arrival[]) => {
    stopped = true
    const held = turns.end()
    await pulling.stop()
    await giveBack([...left, ...held])
  }

  return {
    wake: () => pulling.wake(),
    verify,
    lost: () => pulling.lost(),
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

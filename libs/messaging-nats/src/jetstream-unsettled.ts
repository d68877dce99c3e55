import type { Msg } from '@nats-io/nats-core'
import { acknowledged, inProgress, redeliverAfter, type Answers } from './jetstream-answers.ts'
import { arrivalOf, type StreamArrival, type StreamPlace } from './jetstream-codec.ts'

export interface UnsettledParts {
  readonly answers: Answers
  readonly ackWaitMs: number
  readonly maxHandlingMs: number
  readonly redeliveryDelayMs: number
  /** A message is not this member's any more. */
  readonly onRemoved: (arrival: StreamArrival) => void
  /** Takes these messages from their handlers. The reason is for the operator. */
  readonly takeBack: (arrivals: ReadonlySet<StreamArrival>, reason: string) => void
}

/** The messages of one consumer that this member has and did not settle. */
export interface Unsettled {
  readonly size: number
  sequences(): Iterable<number>
  /** Whether another message is unsettled in this place: one of another life of the stream. */
  hasOther(place: StreamPlace): boolean
  /** Decodes a message and adds it; undefined where it is unsettled here already: then its answer goes to the new reply subject. */
  receive(msg: Msg, place: StreamPlace): StreamArrival | undefined
  /** Answers a message, once. A message that is not unsettled here is left alone. */
  settle(arrival: StreamArrival, answer: string): void
  /** After a reconnection the server waits for a sign of work for each message. */
  signsAreDue(): void
  /**
   * Tells the server that handlers are at work, and takes back what they have for too long: longer than `maxHandlingMs`, or longer than
   * `ackWaitMs` without a word to the server, which has delivered it to another member by then.
   */
  keepAlive(): void
  /** How many messages were refused and not given back. */
  readonly refused: number
  /** Refuses a message that comes too late to be handled. */
  refuse(reply: string): void
  /** Has the server deliver these messages again, in their order, and then all that were refused. */
  giveBack(arrivals: readonly StreamArrival[]): void
  /** Forgets all messages without an answer, and returns them. */
  clear(): readonly StreamArrival[]
}

interface Entry {
  readonly arrival: StreamArrival
  reply: string
  readonly sinceMs: number
  /** When the server last heard of it. */
  touchedMs: number
}

/** No message is unsettled yet. */
export const unsettledMessages = (parts: UnsettledParts): Unsettled => {
  const { answers, ackWaitMs, maxHandlingMs, onRemoved, takeBack } = parts
  const entries = new Map<number, Entry>()
  const rejected = redeliverAfter(parts.redeliveryDelayMs)
  let refused: string[] = []
  let areSignsDue = false

  const remove = (arrival: StreamArrival) => {
    entries.delete(arrival.sequence)
    onRemoved(arrival)
  }

  const settle = (arrival: StreamArrival, answer: string) => {
    const entry = entries.get(arrival.sequence)
    if (entry?.arrival !== arrival) return
    remove(arrival)
    answers.send(entry.reply, answer)
  }

  const keepAlive = () => {
    const nowMs = performance.now()
    const { areSent } = answers
    const expired = new Set<StreamArrival>()
    for (const entry of entries.values()) {
      const { arrival, sinceMs, touchedMs } = entry
      const silentMs = nowMs - touchedMs
      if (nowMs - sinceMs > maxHandlingMs) {
        takeBack(new Set([arrival]), `a handler took longer than ${maxHandlingMs} ms`)
        arrival.reject?.()
      } else if (!areSent && silentMs > ackWaitMs) {
        expired.add(arrival)
        remove(arrival)
      } else if (areSent && (areSignsDue || silentMs >= ackWaitMs / 3)) {
        entry.touchedMs = nowMs
        answers.send(entry.reply, inProgress)
      }
    }
    if (areSent) areSignsDue = false
    if (expired.size > 0) takeBack(expired, `there was no connection for longer than ${ackWaitMs} ms`)
  }

  return {
    get size() {
      return entries.size
    },
    sequences: () => entries.keys(),
    hasOther: (place) => {
      const entry = entries.get(place.sequence)
      return entry !== undefined && entry.arrival.storedAtMs !== place.storedAt.getTime()
    },
    receive: (msg, place) => {
      const reply = msg.reply ?? ''
      const known = entries.get(place.sequence)
      if (known !== undefined) {
        known.reply = reply
        return undefined
      }
      const arrival: StreamArrival = arrivalOf(msg, place, {
        ack: () => settle(arrival, acknowledged),
        reject: () => settle(arrival, rejected),
      })
      const nowMs = performance.now()
      entries.set(place.sequence, { arrival, reply, sinceMs: nowMs, touchedMs: nowMs })
      return arrival
    },
    settle,
    signsAreDue: () => {
      areSignsDue = true
    },
    keepAlive,
    get refused() {
      return refused.length
    },
    refuse: (reply) => void refused.push(reply),
    giveBack: (arrivals) => {
      for (const arrival of arrivals) settle(arrival, redeliverAfter(0))
      for (const reply of refused) answers.send(reply, redeliverAfter(0))
      refused = []
    },
    clear: () => {
      const all = [...entries.values()].map(({ arrival }) => arrival)
      entries.clear()
      return all
    },
  }
}

import type { Msg } from '@nats-io/nats-core'
import { isReserved } from './codec.ts'
import { acknowledged, consumerAnswers } from './jetstream-answers.ts'
import { placeOf, type StreamArrival } from './jetstream-codec.ts'
import type { InHand } from './jetstream-consumers.ts'
import { consumerPull, type ConsumerPullParts } from './jetstream-consumer-pull.ts'
import { watchLife } from './jetstream-life-watch.ts'
import type { LastSeen, Reader, ReaderParts } from './jetstream-reader.ts'
import { takeover } from './jetstream-takeover.ts'
import { unsettledMessages, type UnsettledParts } from './jetstream-unsettled.ts'

export interface DurableParts
  extends
    ReaderParts,
    Pick<ConsumerPullParts, 'pinGroup'>,
    Pick<UnsettledParts, 'ackWaitMs' | 'maxHandlingMs' | 'redeliveryDelayMs' | 'takeBack'> {
  /**
   * Has the server forget the requests of clients that listen no more. To serve such a request it takes the next message, and puts it back
   * behind the others.
   */
  readonly forgetRequests: (consumer: string) => Promise<unknown>
  /** Whether the stream is in the life of this message. Rejects where the server does not say. */
  readonly isSameLife: (last: LastSeen) => Promise<boolean>
  /** The deliveries that the members of the consumer have in hand. Rejects if the server does not say. */
  readonly inHand: (consumer: string) => Promise<InHand>
}

/** Requested at once of the messages of the previous pinned member. */
const takeoverBytes = 16 * 1024 * 1024

/**
 * Reads a stream by the durable consumer of a group. The server is told that handlers are at work, so that it delivers no message
 * elsewhere, until `maxHandlingMs`. A message that it delivers again while the message is unsettled here is the same delivery.
 *
 * A sequence belongs to one life of the stream: an answer to the message of one life would settle that of another. So after a reconnection,
 * and when the stream is said to be deleted, answers wait until the life of the stream is known. The window alone delivers messages of a
 * past life again.
 */
export const durableReader = async (parts: DurableParts): Promise<Reader> => {
  const { connection } = parts
  const answers = consumerAnswers(connection)
  let last: LastSeen | undefined
  let isStopped = false

  const onRemoved = (arrival: StreamArrival) => {
    parts.onRemoved(arrival)
    pulling.wake()
  }
  const unsettled = unsettledMessages({ ...parts, answers, onRemoved })
  const pinned = takeover<StreamArrival>({
    inHand: () => parts.inHand(pulling.consumer),
    unsettledHere: () => unsettled.size,
    deliver: parts.offer,
    wake: () => pulling.wake(),
    onPinLost: (kept) => {
      pulling.forgetPin()
      unsettled.giveBack(kept)
    },
  })

  const beginNewLife = () => {
    for (const arrival of unsettled.clear()) leaveToWindow(arrival, onRemoved)
    answers.discard()
    last = undefined
    pinned.finish()
  }

  const onMessage = (msg: Msg) => {
    const reply = msg.reply ?? ''
    if (isStopped) return unsettled.refuse(reply)
    const place = placeOf(reply)
    pinned.delivered(place.delivery)
    if (isReserved(msg.subject)) return answers.send(reply, acknowledged)
    if (unsettled.hasOther(place)) beginNewLife()
    if (last === undefined || place.sequence > last.sequence) last = place
    const arrival = unsettled.receive(msg, place)
    if (arrival !== undefined) pinned.offer(place.sequence, arrival)
  }

  const pulling = await consumerPull({
    ...parts,
    room: (requested) => {
      const { missing } = pinned
      return missing === undefined ? parts.room(requested) : { messages: missing - requested, bytes: takeoverBytes }
    },
    onMessage,
    onPinned: pinned.begin,
    last: () => last,
    // Somebody may have removed the consumer: what is unsettled here comes again.
    resumeAt: ({ sequence }) => Math.min(sequence + 1, ...unsettled.sequences()),
    onMade: (made) => {
      if (made?.sameLife !== true) beginNewLife()
      if (made !== undefined) life.lifeIsKnown()
    },
    onGone: (seen) => {
      life.end()
      parts.onGone(seen)
    },
  })

  const life = watchLife({
    ...parts,
    ...{ answers, unsettled },
    verify: async () => {
      if (last === undefined || (await parts.isSameLife(last))) return
      beginNewLife()
      pulling.consumerDeleted()
    },
  })

  const stop = async (unhandled: readonly StreamArrival[]) => {
    isStopped = true
    const kept = pinned.end()
    await pulling.stop()
    const given = [...unhandled, ...kept]
    if (given.length + unsettled.refused === 0) return
    if (connection.connected) await parts.forgetRequests(pulling.consumer).catch(() => undefined)
    unsettled.giveBack(given)
  }

  return {
    wake: pulling.wake,
    streamDeleted: life.lifeIsDoubtful,
    consumerDeleted: pulling.consumerDeleted,
    stop,
    close: async (left) => {
      await stop(left)
      life.end()
      unsettled.clear()
    },
  }
}

/** The server delivers no message of a past life again: the window does, and the server is told nothing. */
const leaveToWindow = (arrival: StreamArrival, onSettled: (arrival: StreamArrival) => void): void => {
  arrival.ack = () => onSettled(arrival)
  delete arrival.reject
}

import type { Msg } from '@nats-io/nats-core'
import type { Arrival } from '@armature/messaging-kit/delivery-window'
import type { PullParts } from './jetstream-pull.ts'
import { apiCode, apiErrors } from './jetstream-streams.ts'
import { decodeMessage } from './codec.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

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

/** The last message that came of a stream, by which its life is told from another. */
export type LastSeen = Pick<Place, 'sequence' | 'storedAt'>

/** Where a feed goes on. */
export interface Resume {
  /** The first sequence that has to come again. */
  readonly next: number
  readonly last: LastSeen
}

/** A consumer, and whether it is of the life of the stream that the place to go on was of. */
export interface MadeConsumer {
  readonly name: string
  readonly sameLife: boolean
}

/** What comes from one consumer of one stream. */
export interface Feed {
  wake(): void
  /** The stream may have been made anew: looks, and answers nothing to its server before it knows. */
  verify(): void
  /** Somebody says that the consumer is gone. */
  lost(): void
  /** Gives back what no handler has, by `left`, and takes nothing more. */
  stop(left: readonly Arrival[]): Promise<void>
  /** Gives back what is unsettled, by `left`. */
  close(left: readonly Arrival[]): Promise<void>
}

export interface FeedParts extends Pick<PullParts, 'link' | 'stream' | 'room'> {
  /**
   * A consumer that goes on from there, made where it is not there; undefined = where the subscription begins. In another life of the
   * stream it begins with the first message. Rejects with the server's error.
   */
  readonly consumerFrom: (resume: Resume | undefined) => Promise<MadeConsumer>
  /** The stream is gone; `last` came of it. */
  readonly onGone: (last: LastSeen | undefined) => void
  readonly offer: (arrival: Arrival) => void
  /** It takes no room any more. */
  readonly settled: (arrival: Arrival) => void
}

/**
 * Makes the consumer, again and again until it is there: one request that fails says nothing of the stream. Undefined where the stream is
 * gone, and when `isOver` says so.
 */
export const persistently = async (
  make: () => Promise<MadeConsumer>,
  isOver: () => boolean,
): Promise<MadeConsumer | undefined> => {
  for (let attempt = 1; !isOver(); attempt++) {
    try {
      return await make()
    } catch (error) {
      if (apiCode(error) === apiErrors.noStream) return undefined
      await new Promise((resolve) => setTimeout(resolve, reconnectDelayMs(attempt)).unref())
    }
  }
  return undefined
}

import { reconnectDelayMs } from '@armature/async/backoff'
import type { StreamArrival, StreamPlace } from './jetstream-codec.ts'
import { apiCode, apiErrors } from './jetstream-faults.ts'
import type { PullParts } from './jetstream-pull.ts'

/** The last message that came of a stream. It tells one life of the stream from another. */
export type LastSeen = Pick<StreamPlace, 'sequence' | 'storedAt'>

/** The place from which a reader goes on. */
export interface Resume {
  /** The first sequence that is to be delivered. */
  readonly next: number
  readonly last: LastSeen
}

/** A consumer, and whether its stream is still in the life in which the place to go on was. */
export interface MadeConsumer {
  readonly name: string
  readonly sameLife: boolean
}

/** Reads one stream by one consumer, which is made again where it is lost. */
export interface Reader {
  /** There may be more room than before. */
  wake(): void
  /** The stream is said to be deleted. It may be made anew: nothing is answered to the server before its life is known. */
  streamDeleted(): void
  /** The consumer is said to be deleted. */
  consumerDeleted(): void
  /** Reads nothing more, and gives `unhandled` back: the messages that no handler had. */
  stop(unhandled: readonly StreamArrival[]): Promise<void>
  /** Stops, and gives `unsettled` back. */
  close(unsettled: readonly StreamArrival[]): Promise<void>
}

export interface ReaderParts extends Pick<PullParts, 'connection' | 'stream' | 'room'> {
  /**
   * Finds or makes a consumer that begins there; undefined = where the subscription begins. In another life of the stream it begins with
   * the first message. Rejects with the server's error.
   */
  readonly consumerFrom: (resume: Resume | undefined) => Promise<MadeConsumer>
  readonly offer: (arrival: StreamArrival) => void
  /** The message takes no room any more. */
  readonly onRemoved: (arrival: StreamArrival) => void
  /** The stream is gone. `last` is the last message that came of it. */
  readonly onGone: (last: LastSeen | undefined) => void
}

/**
 * Makes a consumer. A request that fails says nothing of the stream, so it is made until it is there. Answers undefined where the stream
 * is gone, and when `isOver` says so.
 */
export const untilMade = async (
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

import type { StartPosition } from '@armature/messaging/ports'
import type { DeliveryWindow } from '@armature/messaging-kit/delivery-window'
import type { StreamArrival } from './jetstream-codec.ts'
import { apiErrors, unlessCode } from './jetstream-faults.ts'
import { openReader, type OpenReaderParts, type PlaceLeft, type StreamReader } from './jetstream-open-reader.ts'
import type { Room } from './jetstream-pull-budget.ts'
import type { Streams } from './jetstream-streams.ts'

export interface StreamReadersParts extends Pick<
  OpenReaderParts,
  'connection' | 'consumers' | 'lives' | 'settings' | 'request' | 'warn'
> {
  readonly streams: Streams
  readonly window: DeliveryWindow<StreamArrival>
}

/** The readers of one subscription, one for each stream that stores topics of it. They share the room of the window. */
export interface StreamReaders {
  /** Reads from `from` on every stream that is not read yet. Rejects with the server's error. */
  follow(from: StartPosition): Promise<void>
  /** Looks for streams that came since, whose messages are all new. Does nothing while there is no connection. */
  look(): void
  streamDeleted(stream: string): void
  consumerDeleted(stream: string): void
  /** Reads nothing more, and gives back what no handler had. */
  stop(unhandled: readonly StreamArrival[]): Promise<void>
  /** Stops, and gives back what is unsettled. */
  close(unsettled: readonly StreamArrival[]): Promise<void>
  /** Other members of the group may be pinned at once. */
  unpin(): Promise<void>
}

const maxPlacesLeft = 10_000

/** No stream is read yet. */
export const streamReaders = (parts: StreamReadersParts): StreamReaders => {
  const { connection, streams, window, warn } = parts
  const { topic } = parts.request
  const { maxInFlight, maxInFlightBytes, serial } = parts.request.settings
  const readers = new Map<string, StreamReader>()
  /** Streams that are gone, or only said to be gone. */
  const placesLeft = new Map<string, PlaceLeft>()
  /** With `serial`, as many again may wait behind their keys. */
  const maxUnsettled = serial ? 2 * maxInFlight : maxInFlight
  let unsettledBytes = 0
  let isStopped = false
  let looking: Promise<void> | undefined

  const room = (requested: number): Room => {
    const share = Math.max(1, Math.floor(maxUnsettled / Math.max(1, readers.size)))
    const free = maxUnsettled - window.inFlight - window.waiting
    return { messages: Math.min(share, free) - requested, bytes: maxInFlightBytes - unsettledBytes }
  }

  const wake = () => {
    for (const reader of readers.values()) reader.wake()
  }

  const each = (act: (reader: StreamReader) => Promise<void>) => Promise.all([...readers.values()].map(act))

  const forget = (stream: string, left: PlaceLeft | undefined) => {
    readers.delete(stream)
    if (left !== undefined) {
      if (placesLeft.size >= maxPlacesLeft) placesLeft.clear()
      placesLeft.set(stream, left)
    }
    look()
  }

  const open = async (stream: string, from: StartPosition): Promise<StreamReader> => {
    const left = placesLeft.get(stream)
    const reader = await openReader({
      ...parts,
      ...{ stream, from, left, room },
      offer: (arrival) => {
        unsettledBytes += arrival.message.body.byteLength
        window.offer(arrival)
      },
      onRemoved: (arrival) => {
        unsettledBytes -= arrival.message.body.byteLength
        if (readers.size > 1) wake()
      },
      takeBack: (arrivals, reason) => {
        warn(`${topic}: ${reason}: ${arrivals.size} ${arrivals.size === 1 ? 'message comes' : 'messages come'} again`)
        window.takeBack((arrival) => arrivals.has(arrival))
      },
      onGone: (place) => forget(stream, place),
    })
    // Not before: where the server does not answer, the place is needed for the next look.
    placesLeft.delete(stream)
    return reader
  }

  const follow = async (from: StartPosition) => {
    for (const stream of await streams.matching(topic)) {
      if (readers.has(stream) || isStopped) continue
      // Somebody may delete a stream between the two questions.
      const reader = await unlessCode(open(stream, from), [apiErrors.noStream], undefined)
      if (reader !== undefined) readers.set(stream, reader)
    }
  }

  const look = () => {
    if (isStopped || !connection.connected) return
    looking ??= follow('earliest')
      .catch((error: unknown) => warn(`${topic}: its streams are not known: ${(error as Error).message}`))
      .finally(() => (looking = undefined))
  }

  return {
    follow,
    look,
    streamDeleted: (stream) => readers.get(stream)?.streamDeleted(),
    consumerDeleted: (stream) => readers.get(stream)?.consumerDeleted(),
    stop: async (unhandled) => {
      isStopped = true
      await looking
      await each((reader) => reader.stop(unhandled))
    },
    close: async (unsettled) => {
      isStopped = true
      await looking
      await each((reader) => reader.close(unsettled))
    },
    unpin: async () => {
      await each((reader) => reader.unpin())
    },
  }
}

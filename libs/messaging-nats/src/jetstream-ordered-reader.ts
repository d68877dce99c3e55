import type { Msg } from '@nats-io/nats-core'
import { isReserved } from './codec.ts'
import { arrivalOf, placeOf, type StreamArrival } from './jetstream-codec.ts'
import { consumerPull } from './jetstream-consumer-pull.ts'
import type { LastSeen, Reader, ReaderParts } from './jetstream-reader.ts'

export interface OrderedParts extends ReaderParts {
  readonly removeConsumer: (name: string) => Promise<void>
}

/**
 * Reads all messages of a stream in their order, for one subscription, by an ordered consumer: it knows no acknowledgements, and a new one
 * goes on behind the last message where it is lost or a message is missing. The window delivers rejected messages again.
 */
export const orderedReader = async (parts: OrderedParts): Promise<Reader> => {
  let last: LastSeen | undefined
  /** Counts the deliveries of the present consumer. */
  let delivered = 0
  let isStopped = false

  const onMessage = (msg: Msg) => {
    if (isStopped) return
    const place = placeOf(msg.reply ?? '')
    if (place.delivery > delivered + 1) pulling.reopen()
    if (place.delivery !== delivered + 1) return
    delivered = place.delivery
    last = place
    if (isReserved(msg.subject)) return
    const ack = () => {
      parts.onRemoved(arrival)
      pulling.wake()
    }
    const arrival: StreamArrival = arrivalOf(msg, { ...place, attempt: 1 }, { ack })
    parts.offer(arrival)
  }

  const pulling = await consumerPull({
    ...parts,
    onMessage,
    last: () => last,
    resumeAt: ({ sequence }) => sequence + 1,
    onMade: (made) => {
      if (made?.sameLife !== true) last = undefined
      delivered = 0
    },
    onUnused: (consumer) => void parts.removeConsumer(consumer).catch(() => undefined),
  })

  const stop = async () => {
    isStopped = true
    await pulling.stop()
  }

  return {
    wake: pulling.wake,
    // Nothing is answered, and the consumer ends with its stream.
    streamDeleted: () => undefined,
    consumerDeleted: pulling.consumerDeleted,
    stop,
    close: async () => {
      await stop()
      if (parts.connection.connected) await parts.removeConsumer(pulling.consumer)
    },
  }
}

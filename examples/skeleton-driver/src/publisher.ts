import { within } from '@armature/async/within'
import { UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { encodeRecord } from './codec.ts'
import type { Connection } from './connection.ts'
import { LostError } from './faults.ts'
import type { WireRecord } from './protocol.ts'

export interface PublisherParts {
  readonly connection: Connection
  /** The `source` of messages that name none. */
  readonly source: string
  /** How long a publish may take, with the wait for a connection. */
  readonly publishWaitMs: number
}

/**
 * Publishes, and resolves when the server holds the messages. A publish whose connection is lost is sent again, so that a message may be there
 * twice. Rejects with PublishError.
 */
export const skeletonPublisher = ({ connection, source, publishWaitMs }: PublisherParts) => {
  const publish = async (topic: string, records: readonly WireRecord[]): Promise<void> => {
    const deadlineMs = performance.now() + publishWaitMs
    const leftMs = () => Math.max(0, deadlineMs - performance.now())
    for (;;) {
      const client = await connection.connected(leftMs())
      try {
        const isHeld = await within(
          leftMs(),
          client.publish(topic, records).then(() => true),
        )
        if (isHeld) return
        throw new Error(`the server did not confirm within ${publishWaitMs} ms`)
      } catch (error) {
        if (!(error instanceof LostError) || leftMs() === 0) throw error
      }
    }
  }

  return async (topic: string, messages: readonly Message[]): Promise<void> => {
    const records = encodeAll(topic, messages, source)
    try {
      await publish(topic, records)
    } catch (cause) {
      throw new PublishError((cause as Error).message, { topic, fault: 'unavailable', cause })
    }
  }
}

const encodeAll = (topic: string, messages: readonly Message[], source: string): WireRecord[] => {
  try {
    return messages.map((message) => encodeRecord(message, source))
  } catch (cause) {
    if (!(cause instanceof UnencodableError)) throw cause
    throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
  }
}

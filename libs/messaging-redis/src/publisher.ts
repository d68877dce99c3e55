import { UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { encodePayload } from './codec.ts'
import { pipelined, type RedisCommand } from './commands.ts'
import type { RedisConnection } from './connection.ts'

export interface PublisherParts {
  readonly connection: RedisConnection
  /** The `source` of messages that name none. */
  readonly source: string
  /** How long a publish waits for a connection. */
  readonly publishWaitMs: number
}

/** Publishes to channels. */
export interface ChannelPublisher {
  /**
   * Resolves when the server answered each PUBLISH, whoever listened. Rejects with PublishError (`bad-message`, `unavailable`). A publish
   * that failed is not sent again, since those who listen would get it twice.
   */
  send(topic: string, messages: readonly Message[]): Promise<void>
}

/** A publisher over the connection, which it does not close. */
export const channelPublisher = ({ connection, source, publishWaitMs }: PublisherParts): ChannelPublisher => {
  const commandOf = (topic: string, message: Message): RedisCommand => {
    try {
      return ['PUBLISH', topic, encodePayload(message, source)]
    } catch (cause) {
      if (!(cause instanceof UnencodableError)) throw cause
      throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
    }
  }

  return {
    send: async (topic, messages) => {
      const commands = messages.map((message) => commandOf(topic, message))
      try {
        await pipelined(await connection.connected(publishWaitMs), commands)
      } catch (cause) {
        const problem = connection.isClosed ? 'the connection was closed meanwhile' : (cause as Error).message
        throw new PublishError(problem, { topic, fault: 'unavailable', cause })
      }
    },
  }
}

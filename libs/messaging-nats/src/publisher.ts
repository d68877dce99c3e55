import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { encodeMessage, wireHeaders } from './codec.ts'
import type { Connection } from './connection.ts'

export interface NatsPublisherParts {
  readonly connection: Connection
  /** The CloudEvents `source` of messages that name none. */
  readonly source: string
  /** How long to wait for a server that is away. */
  readonly publishWaitMs: number
}

const maxDeniedTopics = 10_000

/** Sends messages and resolves when the server has taken them: a PING that was sent after them was answered. */
export const natsPublisher = ({ connection, source, publishWaitMs }: NatsPublisherParts) => {
  /** Topics that this user may not publish to, by the latest errors of the server. */
  const denied = new Map<string, Error>()
  connection.onError((error) => {
    const { operation, subject } = error as { operation?: string; subject?: string }
    if (operation !== 'publish' || subject === undefined) return
    const [oldest] = denied.keys()
    if (oldest !== undefined && denied.size >= maxDeniedTopics) denied.delete(oldest)
    denied.set(subject, error)
  })

  const publishOne = (topic: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => {
    try {
      connection.nc.publish(topic, body, { headers: wireHeaders(headers) })
    } catch (cause) {
      throw new PublishError((cause as Error).message, { topic, fault: 'too-large', cause })
    }
  }

  return async (topic: string, messages: readonly Message[]): Promise<void> => {
    const encoded = messages.map((message) => encodeMessage(topic, message, source))
    await connection.whenConnected(publishWaitMs).catch((cause: unknown) => {
      throw unavailable(topic, cause)
    })
    denied.delete(topic)
    for (const { headers, body } of encoded) publishOne(topic, headers, body)
    await connection.flush().catch((cause: unknown) => {
      throw unavailable(topic, cause)
    })
    const cause = denied.get(topic)
    if (cause === undefined) return
    const problem = 'this user may not publish to it: ask for the permission'
    throw new PublishError(problem, { topic, fault: 'bad-topic', cause })
  }
}

const unavailable = (topic: string, cause: unknown) =>
  new PublishError(`${(cause as Error).message}: NATS may have the messages or not`, {
    topic,
    fault: 'unavailable',
    cause,
  })

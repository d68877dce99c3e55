import { reconnectDelayMs } from '@armature/async/backoff'
import { UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { pipelined, type RedisClient, type RedisCommand } from './commands.ts'
import { isConnectionFault } from './faults.ts'
import type { StreamsCapacity } from './streams-capacity.ts'
import { encodeEntry } from './streams-codec.ts'
import type { StreamsConnection } from './streams-connection.ts'

export interface PublisherParts {
  readonly connection: StreamsConnection
  readonly capacity: StreamsCapacity
  /** The `source` of messages that name none. */
  readonly source: string
  /** How long a publish waits for a server that is away and for room in the stream. */
  readonly publishWaitMs: number
}

/** Publishes entries to streams. */
export interface StreamsPublisher {
  /**
   * Resolves when the server holds every message. What was under way when a connection was lost is sent again, since nobody knows whether
   * the server holds it. Rejects with PublishError (`bad-message`, `full`, `unavailable`).
   */
  send(topic: string, messages: readonly Message[]): Promise<void>
}

/** A publish that waits for the end of this turn of the event loop. */
interface GatheredPublish {
  readonly commands: readonly RedisCommand[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const chunkMessages = 500
/** Larger publishes are not gathered with others. */
const maxGatheredMessages = 50

/** A publisher over the connection, which it does not close. */
export const streamsPublisher = (parts: PublisherParts): StreamsPublisher => {
  const { connection, capacity, source, publishWaitMs } = parts
  /** The keys are topics. */
  const gathered = new Map<string, GatheredPublish[]>()

  /** Sends the commands in chunks, as far as there is room, and tries again what a lost connection swallowed. */
  const sendAll = async (topic: string, commands: readonly RedisCommand[]): Promise<void> => {
    const deadlineMs = performance.now() + publishWaitMs
    let sent = 0
    let failures = 0
    while (sent < commands.length) {
      try {
        const client = connection.client ?? (await connection.connected(Math.max(1, deadlineMs - performance.now())))
        const chunk = Math.min(commands.length - sent, chunkMessages)
        const count = await capacity.reserve(topic, chunk, deadlineMs, client)
        await transmit(client, commands.slice(sent, sent + count))
        sent += count
        failures = 0
      } catch (error) {
        if (error instanceof PublishError) throw error
        const waitMs = reconnectDelayMs(++failures)
        if (!isConnectionFault(error) || connection.isClosed || performance.now() + waitMs > deadlineMs) {
          throw publishError(topic, error, connection.isClosed)
        }
        await new Promise((resolve) => setTimeout(resolve, waitMs))
      }
    }
  }

  /** Sends small publishes as one. If that fails each is sent by itself, so that none fails for the fault of another. */
  const flush = (topic: string) => {
    const publishes = gathered.get(topic) ?? []
    gathered.delete(topic)
    const { client } = connection
    const [first] = publishes
    const commands =
      publishes.length === 1 && first !== undefined ? first.commands : publishes.flatMap((each) => each.commands)
    const sendEach = () => {
      for (const { commands: own, resolve, reject } of publishes) sendAll(topic, own).then(resolve, reject)
    }
    if (client === undefined || !capacity.tryReserve(topic, commands.length)) return sendEach()
    transmit(client, commands).then(() => {
      for (const { resolve } of publishes) resolve()
    }, sendEach)
  }

  const gather = (topic: string, commands: readonly RedisCommand[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const publish = { commands, resolve, reject }
      const others = gathered.get(topic)
      if (others !== undefined) {
        others.push(publish)
        return
      }
      gathered.set(topic, [publish])
      queueMicrotask(() => flush(topic))
    })

  return {
    send: async (topic, messages) => {
      const commands = encodedCommands(connection.prefix + topic, topic, messages, source)
      await (commands.length <= maxGatheredMessages ? gather(topic, commands) : sendAll(topic, commands))
    },
  }
}

const encodedCommands = (
  key: string,
  topic: string,
  messages: readonly Message[],
  source: string,
): readonly RedisCommand[] =>
  messages.map((message) => {
    try {
      return ['XADD', key, '*', ...encodeEntry(message, source)]
    } catch (cause) {
      if (!(cause instanceof UnencodableError)) throw cause
      throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
    }
  })

const transmit = (client: RedisClient, commands: readonly RedisCommand[]): Promise<unknown> => {
  const [only] = commands
  return commands.length === 1 && only !== undefined ? client.sendCommand(only) : pipelined(client, commands)
}

const publishError = (topic: string, cause: unknown, isClosed: boolean): PublishError => {
  const { message } = cause as Error
  if (isConnectionFault(cause)) {
    const problem = isClosed ? 'the connection was closed meanwhile' : message
    return new PublishError(problem, { topic, fault: 'unavailable', cause })
  }
  if (message.startsWith('OOM')) {
    return new PublishError('the server is at its maxmemory', { topic, fault: 'full', cause })
  }
  return new PublishError(`the server refuses it: ${message}`, { topic, fault: 'unavailable', cause })
}

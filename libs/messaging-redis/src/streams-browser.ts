import { ConnectError } from '@armature/messaging/errors'
import { binaryReplies, type RedisClient } from './commands.ts'
import { decodeEntry, positionOf, storedAt, type Entry } from './streams-codec.ts'
import type { StreamsConnection } from './streams-connection.ts'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'

const pageMessages = 100
const maxRemovedAtOnce = 500

/** Browses streams. XRANGE reads without a group, XDEL removes by id. */
export const streamsBrowser = (connection: StreamsConnection, connectWaitMs: number): TopicBrowser => {
  const connected = (): Promise<RedisClient> => {
    if (connection.isClosed) throw new ConnectError('unavailable', 'the connection is closed')
    return connection.connected(connectWaitMs)
  }

  const range = async (client: RedisClient, command: readonly string[]) =>
    client.sendCommand<readonly Entry[]>([...command], binaryReplies)

  async function* browse(
    topic: string,
    { max, signal }: { max: number; signal?: AbortSignal },
  ): AsyncGenerator<StoredMessage> {
    checkTopic(topic)
    const client = await connected()
    const key = connection.prefix + topic
    const [newest] = await range(client, ['XREVRANGE', key, '+', '-', 'COUNT', '1'])
    if (newest === undefined) return
    const last = newest[0].toString()
    let from = '-'
    for (let read = 0; read < max;) {
      signal?.throwIfAborted()
      const count = Math.min(pageMessages, max - read)
      const page = await range(client, ['XRANGE', key, from, last, 'COUNT', String(count)])
      for (const [raw, fields] of page) {
        const id = raw.toString()
        from = `(${id}`
        const { message } = decodeEntry(topic, id, fields ?? [])
        read++
        yield { ...message, storedAt: storedAt(id), position: positionOf(id), handle: id }
        signal?.throwIfAborted()
      }
      if (page.length < count) return
    }
  }

  return {
    topics: async () => {
      const client = await connected()
      const topics = await client.sendCommand<string[]>(['ZRANGE', `${connection.prefix}.topics`, '0', '-1'])
      return topics.sort()
    },
    browse,
    remove: async (topic, held) => {
      checkTopic(topic)
      const ids = held.map(({ handle }) => String(handle))
      const client = await connected()
      for (let at = 0; at < ids.length; at += maxRemovedAtOnce) {
        await client.sendCommand(['XDEL', connection.prefix + topic, ...ids.slice(at, at + maxRemovedAtOnce)])
      }
    },
  }
}

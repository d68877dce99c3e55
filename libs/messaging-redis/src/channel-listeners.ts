import { ConnectError, SubscribeError } from '@armature/messaging/errors'
import { isPattern } from '@armature/messaging/topic-pattern'
import type { RedisClient } from './commands.ts'
import { redisConnection, type RedisConnection } from './connection.ts'
import type { RedisAddress } from './settings.ts'

export interface ChannelListener {
  /** A topic, or a pattern with wildcards. */
  readonly pattern: string
  /** Called for each message of the channel. A glob covers more than its pattern, so the listener filters. */
  readonly onMessage: (payload: Buffer, channel: Buffer) => void
}

/** Listeners to channels that share one connection, since a connection that subscribes cannot publish. */
export interface ChannelListeners {
  /** Resolves when the server sends what is published from then on. Rejects with SubscribeError. */
  add(listener: ChannelListener): Promise<void>
  /** Resolves when the server sends nothing more, and at once where the connection is lost. */
  remove(listener: ChannelListener): Promise<void>
  close(): void
}

/** No listeners yet. The connection is made for the first one; a connection that is lost is made again with all of them. */
export const channelListeners = (address: RedisAddress, connectWaitMs: number): ChannelListeners => {
  const listeners = new Set<ChannelListener>()
  let connection: RedisConnection | undefined

  const shared = (): RedisConnection =>
    (connection ??= redisConnection({
      scheme: 'redis',
      address,
      onConnect: async (client) => {
        await Promise.all([...listeners].map((listener) => listen(listener, client)))
      },
    }))

  return {
    add: async (listener) => {
      try {
        const client = await shared().connected(connectWaitMs)
        listeners.add(listener)
        await listen(listener, client)
      } catch (error) {
        // A lost connection is made again with this listener. Any other fault is the subscriber's.
        if (!(error instanceof ConnectError) && connection?.client === undefined && listeners.has(listener)) {
          await shared().connected(connectWaitMs)
          return
        }
        listeners.delete(listener)
        throw new SubscribeError(listener.pattern, (error as Error).message, error)
      }
    },
    remove: async (listener) => {
      listeners.delete(listener)
      const client = connection?.client
      if (client !== undefined) await unlisten(listener, client).catch(() => undefined)
    },
    close: () => connection?.close(),
  }
}

const listen = ({ pattern, onMessage }: ChannelListener, client: RedisClient): Promise<void> =>
  isPattern(pattern) ? client.pSubscribe(globOf(pattern), onMessage, true) : client.subscribe(pattern, onMessage, true)

const unlisten = ({ pattern, onMessage }: ChannelListener, client: RedisClient): Promise<void> =>
  isPattern(pattern)
    ? client.pUnsubscribe(globOf(pattern), onMessage, true)
    : client.unsubscribe(pattern, onMessage, true)

/** A glob of Redis that covers the pattern. It may cover other topics too. */
export const globOf = (pattern: string): string =>
  pattern
    .split('.')
    .map((token) => (token === '*' || token === '>' ? '*' : token.replaceAll(/[\\?[\]^-]/g, '\\$&')))
    .join('.')

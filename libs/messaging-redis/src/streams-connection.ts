import { listReplies, type RedisClient, type RedisCommand } from './commands.ts'
import { redisConnection } from './connection.ts'
import type { RedisAddress } from './settings.ts'
import { call } from './streams-scripts.ts'
import { streamsSignals, type StreamsSignals } from './streams-signals.ts'

export const scheme = 'redis-streams'

/** The private groups of subscribers without a group have names that begin with this. No group of a user may. */
export const readerPrefix = 'armature.reader:'

/** For calls that nobody waits for. */
const longestWaitMs = 2_147_483_647

/** The connection of a driver that never blocks: it publishes, settles, runs scripts and hears signals. */
export interface StreamsConnection {
  /** All keys on the server begin with it. */
  readonly prefix: string
  readonly address: RedisAddress
  /** The connected client; undefined while there is none. */
  readonly client: RedisClient | undefined
  readonly isClosed: boolean
  /** How often it connected. */
  readonly connects: number
  readonly signals: StreamsSignals
  /** A client, at once or as soon as there is one. Rejects with ConnectError after `waitMs` and when closed. */
  connected(waitMs?: number): Promise<RedisClient>
  /** Resolves when the server answers. Rejects at once while there is no connection. */
  ping(): Promise<void>
  /** Runs a script. Rejects with the error of the client or the server. */
  run<Reply>(script: string, ...args: readonly string[]): Promise<Reply>
  /** Sends a command. Rejects with the error of the client or the server. */
  send<Reply>(command: RedisCommand): Promise<Reply>
  close(): void
}

/** Begins to connect; `connected` waits for it. */
export const streamsConnection = (address: RedisAddress, prefix: string): StreamsConnection => {
  let connects = 0

  const connection = redisConnection({
    scheme,
    address,
    onConnect: async (client) => {
      connects++
      await signals.prepare(client)
    },
  })

  const send = async <Reply>(command: RedisCommand): Promise<Reply> => {
    const client = connection.client ?? (await connection.connected(longestWaitMs))
    return client.sendCommand<Reply>([...command], listReplies)
  }
  const signals = streamsSignals({ prefix, send, isConnected: () => connection.client !== undefined })

  return {
    prefix,
    address,
    get client() {
      return connection.client
    },
    get isClosed() {
      return connection.isClosed
    },
    get connects() {
      return connects
    },
    signals,
    connected: (waitMs = longestWaitMs) => connection.connected(waitMs),
    ping: connection.ping,
    run: (script, ...args) => send(call(script, prefix, ...args)),
    send,
    close: () => {
      signals.close()
      connection.close()
    },
  }
}

import { createClient, RESP_TYPES, type RedisArgument } from '@redis/client'
import { ConnectError } from '@armature/messaging/errors'
import { reconnectDelayMs } from '@armature/async/backoff'
import { answersPlain, answersTls, connectFault, otherProtocol } from './faults.ts'
import type { RedisAddress } from './settings.ts'

/** The client's own, connected once: when it is lost the connection makes another. */
export type RedisClient = ReturnType<typeof createClient>

export type RedisCommand = readonly RedisArgument[]

export interface ConnectionParts {
  readonly scheme: string
  readonly address: RedisAddress
  /** Prepares each new client, before anybody else gets it. Where it rejects, the client is given up. */
  readonly onConnect?: (client: RedisClient) => Promise<void>
  /** Whether it asks for a sign of life. Not on a connection that blocks: its commands end by themselves. */
  readonly heartbeat?: boolean
}

/** A connection that makes itself again when it is lost, with jitter, until it is closed. */
export interface RedisConnection {
  /** Where it stands at this moment. */
  readonly client: RedisClient | undefined
  /** A client, at once or as soon as there is one. Rejects with ConnectError after `waitMs` and when closed. */
  connected(waitMs: number): Promise<RedisClient>
  /** Resolves when the server answers; rejects at once while there is no connection. */
  ping(): Promise<void>
  /** Gives the client up: it does not answer. Another is made. */
  suspect(client: RedisClient): void
  /** Ends it at once, with what is under way. Safe to call twice. */
  close(): void
}

const heartbeatMs = 5_000
const answerMs = 10_000

interface Waiter {
  readonly resolve: (client: RedisClient) => void
  readonly reject: (error: ConnectError) => void
}

/**
 * Begins to connect. Wrong credentials and a TLS that does not fit reject those who wait before the first success; later they are tried
 * again like anything else, since a server that is being set up has them for a while.
 */
export const redisConnection = (parts: ConnectionParts): RedisConnection => {
  const { scheme, address, onConnect, heartbeat = true } = parts
  const where = `${address.host}:${address.port}`
  const waiters = new Set<Waiter>()
  let current: RedisClient | undefined
  let connecting: RedisClient | undefined
  let latest: ConnectError | undefined
  let wasConnected = false
  let closed = false
  let attempt = 0
  /** It keeps the process alive: who waits for the broker is at work. */
  let retryTimer: NodeJS.Timeout | undefined
  let heartbeatTimer: NodeJS.Timeout | undefined

  const failAll = (error: ConnectError) => {
    const due = [...waiters]
    waiters.clear()
    for (const { reject } of due) reject(error)
  }

  const lost = (client: RedisClient) => {
    client.destroy()
    if (current !== client) return
    clearTimeout(heartbeatTimer)
    current = undefined
    retry()
  }

  const retry = () => {
    if (!closed) retryTimer = setTimeout(() => void connect(), reconnectDelayMs(++attempt))
  }

  const beat = (client: RedisClient) => {
    heartbeatTimer = setTimeout(() => {
      heartbeatTimer = setTimeout(() => lost(client), answerMs).unref()
      client.sendCommand(['PING']).then(
        () => {
          if (current !== client) return
          clearTimeout(heartbeatTimer)
          beat(client)
        },
        () => lost(client),
      )
    }, heartbeatMs).unref()
  }

  const isTls = address.clientOptions.socket?.tls === true

  const failure = async (error: unknown): Promise<ConnectError> => {
    const fault = connectFault(scheme, where, error)
    const mayBeTls = !wasConnected && !isTls && fault.fault === 'unavailable' && !/ECONNREFUSED/.test(fault.message)
    return mayBeTls && (await answersTls(address.host, address.port)) ? otherProtocol(scheme, where, true) : fault
  }

  /** A plain server waits for the rest of what it takes for a command: the handshake would end by its timeout only. */
  const checkPlain = async () => {
    if (!(await answersPlain(address.host, address.port)) || wasConnected || closed) return
    latest = otherProtocol(scheme, where, false)
    failAll(latest)
  }

  const connect = async () => {
    const client = createClient(address.clientOptions)
    connecting = client
    client.on('error', () => lost(client))
    try {
      await client.connect()
      await onConnect?.(client)
    } catch (error) {
      client.destroy()
      if (closed) return
      latest = await failure(error)
      if (!wasConnected && latest.fault !== 'unavailable') failAll(latest)
      retry()
      return
    }
    if (closed) return client.destroy()
    if (!client.isReady) {
      client.destroy()
      return retry()
    }
    current = client
    wasConnected = true
    attempt = 0
    if (heartbeat) beat(client)
    const due = [...waiters]
    waiters.clear()
    for (const { resolve } of due) resolve(client)
  }

  void connect()
  if (isTls) void checkPlain()

  return {
    get client() {
      return current
    },
    connected: (waitMs) => {
      if (current !== undefined) return Promise.resolve(current)
      if (closed) return Promise.reject(new ConnectError('unavailable', `the connection to ${where} is closed`))
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(waiter)
          reject(latest ?? connectFault(scheme, where, new Error('no answer')))
        }, waitMs)
        const waiter: Waiter = {
          resolve: (client) => {
            clearTimeout(timer)
            resolve(client)
          },
          reject: (error) => {
            clearTimeout(timer)
            reject(error)
          },
        }
        waiters.add(waiter)
      })
    },
    ping: async () => {
      if (current === undefined) throw latest ?? new ConnectError('unavailable', `${where} is not connected`)
      await current.sendCommand(['PING'])
    },
    suspect: lost,
    close: () => {
      if (closed) return
      closed = true
      clearTimeout(retryTimer)
      clearTimeout(heartbeatTimer)
      failAll(new ConnectError('unavailable', `the connection to ${where} is closed`))
      current?.destroy()
      connecting?.destroy()
      current = undefined
    },
  }
}

/** Replies with bytes for texts, and maps as flat lists. */
export const binaryReplies = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } } as const

/** Replies with maps as flat lists, as in RESP2. */
export const listReplies = { typeMapping: { [RESP_TYPES.MAP]: Array } } as const

/** Sends commands in one write. Rejects with the first error, whatever became of the others. */
export const pipelined = (client: RedisClient, commands: readonly RedisCommand[]): Promise<unknown> => {
  const batch = client.multi()
  for (const command of commands) batch.addCommand(command as RedisArgument[])
  return batch.execAsPipeline()
}

import { formatHostPort } from '@armature/async/host-port'
import { createClient } from '@redis/client'
import { reconnectDelayMs } from '@armature/async/backoff'
import { ConnectError } from '@armature/messaging/errors'
import type { RedisClient } from './commands.ts'
import { answersPlain, answersTls, connectFault, otherProtocol } from './faults.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { RedisAddress } from './settings.ts'
import { clientWaiters } from './waiters.ts'

export interface ConnectionParts {
  readonly scheme: string
  readonly address: RedisAddress
  /** Prepares each new client before anybody else gets it. The client is given up where this rejects. */
  readonly onConnect?: (client: RedisClient) => Promise<void>
  /** Whether PING is sent. Default true. A connection whose reads block has none: a PING would wait behind the read. */
  readonly heartbeat?: boolean
}

/** A connection to one server. It reconnects with jitter until it is closed. */
export interface RedisConnection {
  /** The connected client; undefined while there is none. */
  readonly client: RedisClient | undefined
  readonly isClosed: boolean
  /** A client, at once or as soon as there is one. Rejects with ConnectError after `waitMs` and when closed. */
  connected(waitMs: number): Promise<RedisClient>
  /** Resolves when the server answers. Rejects at once while there is no connection. */
  ping(): Promise<void>
  /** Gives up a client that does not answer, and connects another. */
  replace(client: RedisClient): void
  /** Ends the connection at once, with the commands under way. Safe to call twice. */
  close(): void
}

type ConnectionState =
  | { readonly name: 'connecting'; readonly client: RedisClient }
  | { readonly name: 'connected'; readonly client: RedisClient; readonly endHeartbeat: () => void }
  /** Until the next attempt. The timer keeps the process alive: a caller that waits for the broker is at work. */
  | { readonly name: 'backing-off'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'closed' }

/**
 * Begins to connect. Wrong credentials and a TLS that does not fit reject all callers that wait before the first success. After it they are
 * tried again like any other fault, since a server that is being set up has them for a while.
 */
export const redisConnection = (parts: ConnectionParts): RedisConnection => {
  const { scheme, address, onConnect, heartbeat = true } = parts
  const where = formatHostPort(address.host, address.port)
  const waiters = clientWaiters()
  let latestError: ConnectError | undefined
  let wasConnected = false
  let failedAttempts = 0

  const begin = (): ConnectionState => {
    const client = createClient(address.clientOptions)
    client.on('error', () => replace(client))
    void connect(client)
    return { name: 'connecting', client }
  }

  const connect = async (client: RedisClient) => {
    try {
      await client.connect()
      await onConnect?.(client)
    } catch (error) {
      client.destroy()
      if (!isClosed()) await fail(error)
      return
    }
    if (isClosed()) return client.destroy()
    if (!client.isReady) {
      client.destroy()
      return backOff()
    }
    const endHeartbeat = heartbeat ? startHeartbeat(client, () => replace(client)) : () => undefined
    state = { name: 'connected', client, endHeartbeat }
    wasConnected = true
    failedAttempts = 0
    waiters.resolve(client)
  }

  const fail = async (error: unknown) => {
    latestError = await faultOf(parts, where, error, wasConnected)
    if (!wasConnected && latestError.fault !== 'unavailable') waiters.reject(latestError)
    backOff()
  }

  const backOff = () => {
    if (isClosed()) return
    const timer = setTimeout(() => (state = begin()), reconnectDelayMs(++failedAttempts))
    state = { name: 'backing-off', timer }
  }

  const replace = (client: RedisClient) => {
    client.destroy()
    if (state.name !== 'connected' || state.client !== client) return
    state.endHeartbeat()
    backOff()
  }

  /** A plain server waits for more bytes of what it takes for a command, so that the handshake would end by its timeout only. */
  const refusePlainServer = async () => {
    if (!(await answersPlain(address.host, address.port)) || wasConnected || isClosed()) return
    latestError = otherProtocol(scheme, where, false)
    waiters.reject(latestError)
  }

  const isClosed = () => state.name === 'closed'
  const currentClient = () => (state.name === 'connected' ? state.client : undefined)
  const closedError = () => new ConnectError('unavailable', `the connection to ${where} is closed`)

  let state: ConnectionState = begin()
  if (isTls(address)) void refusePlainServer()

  return {
    get client() {
      return currentClient()
    },
    get isClosed() {
      return isClosed()
    },
    connected: async (waitMs) => {
      if (isClosed()) throw closedError()
      const lateError = () => latestError ?? connectFault(scheme, where, new Error('no answer'))
      return currentClient() ?? waiters.wait(waitMs, lateError)
    },
    ping: async () => {
      const client = currentClient()
      if (client === undefined) throw latestError ?? new ConnectError('unavailable', `${where} is not connected`)
      await client.sendCommand(['PING'])
    },
    replace,
    close: () => {
      const ended = state
      state = { name: 'closed' }
      if (ended.name === 'backing-off') clearTimeout(ended.timer)
      if (ended.name === 'connected') ended.endHeartbeat()
      if ('client' in ended) ended.client.destroy()
      waiters.reject(closedError())
    },
  }
}

const isTls = (address: RedisAddress): boolean => address.clientOptions.socket?.tls === true

/** Why an attempt to connect failed. A plain connection that was cut off before the first success may have met a server that speaks TLS. */
const faultOf = async (
  { scheme, address }: ConnectionParts,
  where: string,
  error: unknown,
  wasConnected: boolean,
): Promise<ConnectError> => {
  const fault = connectFault(scheme, where, error)
  const mayBeTls =
    !wasConnected && !isTls(address) && fault.fault === 'unavailable' && !/ECONNREFUSED/.test(fault.message)
  return mayBeTls && (await answersTls(address.host, address.port)) ? otherProtocol(scheme, where, true) : fault
}

import { formatHostPort } from '@armature/async/host-port'
import type { ConnectionOptions } from '@nats-io/nats-core'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { reconnectDelayMs } from '@armature/async/backoff'
import { within } from '@armature/async/within'
import { credentialsOf, tlsOf } from './credentials.ts'
import { connectFault } from './faults.ts'
import type { NatsUrl } from './settings.ts'

/** A connection that is made again by itself where it is lost. */
export interface Connection {
  readonly nc: NatsConnection
  readonly connected: boolean
  /** The limit of one body, with room left for headers. It follows the server's `max_payload`. */
  readonly maxMessageBytes: number
  /** Resolves when the server has taken all that was sent before. Rejects where the connection is lost first. Calls of one turn share a PING. */
  flush(): Promise<void>
  /** Resolves when the server answers; rejects at once while there is no connection. */
  ping(): Promise<void>
  /** Resolves when there is a connection; rejects when it is closed or after `limitMs`. */
  whenConnected(limitMs: number): Promise<void>
  /** Called after each reconnection, when the server knows the subscriptions again; the answer forgets it. */
  onReconnect(listener: () => void): () => void
  /** Called for each error that the server reports, such as a missing permission; the answer forgets it. */
  onError(listener: (error: Error) => void): () => void
  /** Sends what is buffered and closes, within `closeWaitMs`. */
  close(): Promise<void>
}

const dialTimeoutMs = 5_000
/** A half-open connection is noticed within three of them. */
const pingIntervalMs = 8_000
const maxPingOut = 2
/** For the last bytes, after all else is done. */
const farewellMs = 1_000
/** The part of the server's `max_payload` that is left for headers, since it counts them too. */
const headerReserveBytes = 16_384

/**
 * Connects. Rejects with ConnectError: wrong credentials and a mismatch of TLS at once, an absent server after `connectWaitMs`;
 * with MessagingUrlError for files that cannot be read.
 */
export const openConnection = async (url: NatsUrl, warn: (problem: string) => void): Promise<Connection> => {
  const pace = reconnectPace()
  const options = await connectionOptions(url, pace.delayMs)
  const nc = await firstConnection(url, options)
  return watched(nc, url.closeWaitMs, pace, warn)
}

const reconnectPace = () => {
  let attempt = 1
  let delayMs = reconnectDelayMs(attempt)
  return {
    delayMs: () => delayMs,
    failed: () => {
      delayMs = reconnectDelayMs(++attempt)
    },
    succeeded: () => {
      attempt = 1
      delayMs = reconnectDelayMs(attempt)
    },
  }
}

type Pace = ReturnType<typeof reconnectPace>

const connectionOptions = async (url: NatsUrl, delayMs: () => number): Promise<ConnectionOptions> => ({
  servers: url.hosts.map(({ host, port }) => formatHostPort(host, port)),
  name: 'armature',
  timeout: dialTimeoutMs,
  pingInterval: pingIntervalMs,
  maxPingOut,
  maxReconnectAttempts: -1,
  // Credentials may be rotated in the server before they are in our files.
  ignoreAuthErrorAbort: true,
  reconnectDelayHandler: delayMs,
  noAsyncTraces: true,
  ...(await tlsOf(url)),
  ...(await credentialsOf(url)),
})

const firstConnection = async (url: NatsUrl, options: ConnectionOptions): Promise<NatsConnection> => {
  const deadlineMs = performance.now() + url.connectWaitMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await connect(options)
    } catch (cause) {
      const error = await connectFault(url, cause)
      const delayMs = reconnectDelayMs(attempt)
      if (error.fault !== 'unavailable' || performance.now() + delayMs > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}

const watched = (nc: NatsConnection, closeWaitMs: number, pace: Pace, warn: (problem: string) => void): Connection => {
  const reconnected = new Set<() => void>()
  const failed = new Set<(error: Error) => void>()
  /** Rejects the waits of each open operation when the connection is closed. */
  const open = new Set<(error: Error) => void>()
  let connected = true
  let flushing: Promise<void> | undefined
  let closing: Promise<void> | undefined

  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') connected = false
      else if (status.type === 'reconnecting') pace.failed()
      else if (status.type === 'reconnect') {
        pace.succeeded()
        connected = true
        for (const listener of [...reconnected]) listener()
      } else if (status.type === 'error') {
        for (const listener of [...failed]) listener(status.error)
      }
    }
  }
  void watch()
  void nc.closed().then((error) => {
    connected = false
    for (const reject of [...open]) reject(new Error('the connection is closed'))
    if (closing === undefined) warn(`NATS closed the connection for good: ${error?.message ?? 'without a reason'}`)
  })

  /** Settles as the promise does, but is rejected when the connection is closed: the client leaves some of its promises open then. */
  const untilClosed = <Result>(promise: Promise<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      open.add(reject)
      promise.then(resolve, reject).finally(() => open.delete(reject))
    })

  const flush = (): Promise<void> => {
    flushing ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        flushing = undefined
        if (nc.isClosed()) reject(new Error('the connection is closed'))
        else untilClosed(nc.flush()).then(resolve, reject)
      })
    })
    return flushing
  }

  const onReconnect: Connection['onReconnect'] = (listener) => {
    reconnected.add(listener)
    return () => reconnected.delete(listener)
  }

  const whenConnected = async (limitMs: number): Promise<void> => {
    if (nc.isClosed()) throw new Error('the connection is closed')
    if (connected) return
    let forget = () => {}
    let timer: NodeJS.Timeout | undefined
    const back = new Promise<void>((resolve, reject) => {
      forget = onReconnect(resolve)
      timer = setTimeout(() => reject(new Error(`no connection to NATS within ${limitMs} ms`)), limitMs)
    })
    try {
      await untilClosed(back)
    } finally {
      forget()
      clearTimeout(timer)
    }
  }

  const close = async () => {
    const limitMs = Math.min(closeWaitMs, farewellMs)
    if (connected) await within(limitMs, nc.flush()).catch(() => undefined)
    await within(limitMs, nc.close()).catch(() => undefined)
  }

  return {
    nc,
    get connected() {
      return connected && !nc.isClosed()
    },
    get maxMessageBytes() {
      const most = nc.info?.max_payload ?? 1024 * 1024
      return Math.max(most - headerReserveBytes, Math.floor(most / 2))
    },
    flush,
    ping: async () => {
      if (!connected) throw new Error('there is no connection to NATS')
      await flush()
    },
    whenConnected,
    onReconnect,
    onError: (listener) => {
      failed.add(listener)
      return () => failed.delete(listener)
    },
    close: () => (closing ??= close()),
  }
}

import { connect as connectSocket } from 'node:net'
import { errors, type ConnectionOptions } from '@nats-io/nats-core'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { ConnectError } from '@armature/messaging/errors'
import { credentialsOf, tlsOf, type NatsUrl } from './credentials.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

/** A connection that comes back by itself, and what its users want to know of it. */
export interface NatsLink {
  readonly nc: NatsConnection
  readonly connected: boolean
  /** Of one body, with room left for headers. Follows what the server says. */
  readonly maxMessageBytes: number
  /** Resolves when the server has taken all that was sent before; rejects when the connection is lost first. One PING a turn of the event loop. */
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
/** Of the server's `max_payload`, which counts headers too. */
const headerReserveBytes = 16_384

/**
 * Connects. Rejects with ConnectError: wrong credentials and a mismatch of TLS at once, an absent server after `connectWaitMs`;
 * with MessagingUrlError for files that cannot be read.
 */
export const openLink = async (url: NatsUrl, warn: (problem: string) => void): Promise<NatsLink> => {
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
  servers: url.hosts.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)),
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
    } catch (error) {
      const isSilent = error instanceof errors.TimeoutError && url.tls !== undefined && url.tls.cert === undefined
      const fault = isSilent && (await wantsCertificate(url)) ? 'tls' : faultOf(error)
      const delayMs = reconnectDelayMs(attempt)
      if (fault !== 'unavailable' || performance.now() + delayMs > deadlineMs) throw connectError(url, fault, error)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}

const infoWaitMs = 1_000

/** A server that wants a certificate and gets none falls silent; what it says before TLS tells. */
const wantsCertificate = ({ hosts }: NatsUrl): Promise<boolean> =>
  new Promise((resolve) => {
    const [{ host, port } = { host: '', port: 0 }] = hosts
    let text = ''
    const socket = connectSocket(port, host)
    const end = () => {
      socket.destroy()
      resolve(/"tls_verify":\s*true/.test(text))
    }
    socket.setTimeout(infoWaitMs, end)
    socket.on('error', end)
    socket.on('close', end)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.includes('\r\n')) end()
    })
  })

type Fault = ConnectError['fault']

const tlsCode = /TLS|SSL|CERT|SIGNATURE|EPROTO|ALTNAME|CRL/

const faultOf = (error: unknown): Fault => {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return 'credentials'
  }
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (tlsCode.test(code ?? '') || message.includes("'tls'")) return 'tls'
  }
  return 'unavailable'
}

const connectError = ({ scheme, hosts, tls }: NatsUrl, fault: Fault, cause: unknown): ConnectError => {
  const where = hosts.map(({ host, port }) => `${host}:${port}`).join(', ')
  const { code, message } = cause as NodeJS.ErrnoException
  switch (fault) {
    case 'credentials':
      return new ConnectError(
        fault,
        `${scheme}: ${where} refuses the credentials: check user and password, token, creds or nkey`,
        { cause },
      )
    case 'tls': {
      const advice =
        tls === undefined
          ? 'the server wants TLS: add tls=true and ca=FILE'
          : tls.cert === undefined && cause instanceof errors.TimeoutError
            ? 'the server wants a certificate of its clients: add cert=FILE and key=FILE'
            : 'check tls, ca, cert, key and serverName against the server'
      return new ConnectError(fault, `${scheme}: no TLS connection to ${where} (${code ?? message}): ${advice}`, {
        cause,
      })
    }
    default:
      return new ConnectError(
        fault,
        `${scheme}: ${where} is not reached (${code ?? message}): is NATS running there?`,
        {
          cause,
        },
      )
  }
}

const watched = (nc: NatsConnection, closeWaitMs: number, pace: Pace, warn: (problem: string) => void): NatsLink => {
  const reconnected = new Set<() => void>()
  const failed = new Set<(error: Error) => void>()
  /** What ends when the connection is closed. */
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

  /** As the promise, but rejected when the connection is closed: the client leaves some of its promises open then. */
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

  const onReconnect: NatsLink['onReconnect'] = (listener) => {
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
    if (connected) await within(Math.min(closeWaitMs, farewellMs), nc.flush())
    await within(Math.min(closeWaitMs, farewellMs), nc.close())
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

/** Waits for the promise to settle, at most so long. */
export const within = async (limitMs: number, promise: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([promise.catch(() => undefined), late])
  clearTimeout(timer)
}

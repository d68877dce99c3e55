import { connect, type ChannelModel, type SocketOptions } from 'amqplib'
import { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connectFault } from './faults.ts'
import type { AmqpSettings } from './settings.ts'
import { passwordOf, tlsOptions } from '@armature/messaging-kit/broker-url'
import { ConnectError } from '@armature/messaging/errors'
import { reconnectDelayMs } from '@armature/async/backoff'

/** One live connection to the broker. */
export interface AmqpSession {
  readonly model: ChannelModel
  readonly isAlive: boolean
  /** Why the broker takes no publishes, in its own words; undefined = it does. */
  readonly blocked: string | undefined
  /** Resolves when it takes publishes, or when the connection is gone. */
  unblocked(): Promise<void>
  /** The major version of the broker. */
  readonly brokerVersion: number
}

/** A connection that comes back by itself until it is closed. */
export interface AmqpLink {
  /** The live connection, waited for `waitMs` at most. Rejects with ConnectError; at once while it is one that waiting does not mend. */
  session(waitMs: number): Promise<AmqpSession>
  /** Ends the connection in peace, or by force when the broker does not answer within `waitMs`. Safe to call twice. */
  close(waitMs: number): Promise<void>
}

export interface LinkParts {
  readonly settings: AmqpSettings
  /** As the broker's tools show the connection. */
  readonly name: string
  readonly warn: (problem: string) => void
}

const attemptMs = 10_000
/** What is written last, such as the answer to the broker's farewell, has so long to leave. */
const lingerMs = 500

/** Connects from the first `session` on: to each host in turn, with growing waits, in the background. */
export const amqpLink = ({ settings, name, warn }: LinkParts): AmqpLink => {
  const { hosts, connectWaitMs } = settings.url
  /** Aborted by `close`: ends waits and attempts. */
  const closer = new AbortController()
  let closing: Promise<void> | undefined
  let current: (AmqpSession & { destroy(): void; readonly gone: Promise<void> }) | undefined
  let connecting: Promise<AmqpSession> | undefined
  let lastFault: ConnectError | undefined
  let wasConnected = false
  let hostIndex = 0

  const attempt = async () => {
    const host = hosts[hostIndex++ % hosts.length] ?? { host: '127.0.0.1', port: 5672 }
    const socket = new AbortController()
    const abort = () => socket.abort()
    closer.signal.addEventListener('abort', abort, { once: true })
    try {
      return live(await connectTo(settings, { ...host, name, signal: socket.signal }), abort)
    } catch (error) {
      socket.abort()
      throw await connectFault(error, { ...host, isSecure: settings.url.tls !== undefined, vhost: settings.vhost })
    } finally {
      closer.signal.removeEventListener('abort', abort)
    }
  }

  const live = (model: ChannelModel, destroy: () => void) => {
    let isAlive = true
    let blocked: string | undefined
    let waiting: (() => void)[] = []
    const gone = Promise.withResolvers<void>()
    const takesAgain = () => {
      blocked = undefined
      for (const resolve of waiting) resolve()
      waiting = []
    }
    // Each error is followed by `close`.
    model.on('error', () => undefined)
    model.on('blocked', (reason: string) => {
      blocked = reason
      warn(`RabbitMQ takes no messages for now, by an alarm of its own: ${reason}`)
    })
    model.on('unblocked', takesAgain)
    model.on('close', () => {
      isAlive = false
      current = undefined
      takesAgain()
      gone.resolve()
      setTimeout(destroy, lingerMs).unref()
      if (closing === undefined) connected().catch(() => undefined)
    })
    return {
      model,
      get isAlive() {
        return isAlive
      },
      get blocked() {
        return blocked
      },
      unblocked: () =>
        blocked === undefined ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve)),
      brokerVersion: Number.parseInt(String(model.connection.serverProperties.version), 10),
      destroy,
      gone: gone.promise,
    }
  }

  const run = async (): Promise<AmqpSession> => {
    for (let tries = 1; ; tries++) {
      try {
        current = await attempt()
        if (closing !== undefined) current.destroy()
        wasConnected = true
        lastFault = undefined
        return current
      } catch (error) {
        const fault = error as ConnectError
        if (closing !== undefined) throw closedError()
        if (fault.fault !== 'unavailable' && !wasConnected) throw fault
        // It may be mended while others go on: told once.
        if (fault.fault !== 'unavailable' && lastFault?.message !== fault.message) warn(fault.message)
        lastFault = fault
        await pause(reconnectDelayMs(tries), undefined, { signal: closer.signal }).catch(() =>
          Promise.reject(closedError()),
        )
      }
    }
  }

  const connected = (): Promise<AmqpSession> => {
    connecting ??= run().finally(() => (connecting = undefined))
    return connecting
  }

  return {
    session: async (waitMs) => {
      if (current !== undefined) return current
      if (closing !== undefined) throw closedError()
      const timer = new AbortController()
      const late = pause(waitMs, undefined, { signal: timer.signal }).then(() => {
        throw lastFault ?? unanswered(hosts, Math.min(waitMs, connectWaitMs))
      })
      late.catch(() => undefined)
      try {
        return await Promise.race([connected(), late])
      } finally {
        timer.abort()
      }
    },
    close: (waitMs) => {
      closing ??= (async () => {
        closer.abort()
        const session = current
        if (session === undefined) return
        const timer = setTimeout(session.destroy, waitMs)
        // Without an answer the client's promise stays open.
        await Promise.race([session.model.close().catch(() => undefined), session.gone])
        clearTimeout(timer)
      })()
      return closing
    },
  }
}

const connectTo = async (
  settings: AmqpSettings,
  { host, port, name, signal }: { host: string; port: number; name: string; signal: AbortSignal },
): Promise<ChannelModel> => {
  const { url, vhost, heartbeatSeconds } = settings
  // Read each time: a password or certificate may be renewed while the process runs.
  const [password, tls] = await Promise.all([passwordOf(url), tlsOptions(url)])
  const isAnonymous = url.user === undefined && password === undefined
  const options = {
    protocol: tls === undefined ? 'amqp' : 'amqps',
    hostname: host,
    port,
    username: isAnonymous ? 'guest' : (url.user ?? 'guest'),
    password: isAnonymous ? 'guest' : (password ?? ''),
    // The client decodes it.
    vhost: encodeURIComponent(vhost),
    heartbeat: heartbeatSeconds,
  }
  // `signal` is an option of node:net, which the client passes on.
  const socketOptions = {
    noDelay: true,
    keepAlive: true,
    timeout: attemptMs,
    clientProperties: { connection_name: name },
    ...tls,
    signal,
  }
  const model = await connect(options, socketOptions as SocketOptions)
  joinWrites(model)
  return model
}

/**
 * The client makes a system call for each message it writes, which takes most of the time of a publish. What is written in one turn of the
 * event loop leaves together instead. The client does not show its socket: where it is not found, nothing changes.
 */
const joinWrites = ({ connection }: ChannelModel): void => {
  const { stream: socket } = connection as { readonly stream?: unknown }
  if (!(socket instanceof Socket)) return
  const write = socket.write.bind(socket) as (...given: unknown[]) => boolean
  socket.write = (...given: unknown[]) => {
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    return write(...given)
  }
}

const closedError = () => new ConnectError('unavailable', 'the connection is closed')

const unanswered = (hosts: readonly { host: string; port: number }[], waitMs: number): ConnectError => {
  const list = hosts.map(({ host, port }) => `${host}:${port}`).join(', ')
  return new ConnectError('unavailable', `RabbitMQ at ${list} did not answer within ${waitMs} ms: is it running?`)
}

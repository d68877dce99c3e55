import { setTimeout as pause } from 'node:timers/promises'
import { formatHostPort } from '@armature/async/host-port'
import { connectTo } from './connect.ts'
import { connectFault } from './faults.ts'
import { amqpSession, type AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { ConnectError } from '@armature/messaging/errors'
import { reconnectDelayMs } from '@armature/async/backoff'
import { within } from '@armature/async/within'

/** A connection that is made again by itself until it is closed. */
export interface AmqpConnection {
  /**
   * The live connection. Waits `waitMs` at most. Rejects with ConnectError: after `waitMs`, or at once where waiting does not help, such as with a
   * wrong password at the first connection.
   */
  session(waitMs: number): Promise<AmqpSession>
  readonly isConnected: boolean
  /** Why the broker takes no publishes, in its own words; undefined = it does, or there is no connection. */
  readonly blocked: string | undefined
  /** Ends the connection: by AMQP's farewell, or by force when the broker does not answer within `waitMs`. Safe to call twice. */
  close(waitMs: number): Promise<void>
}

export interface ConnectionParts {
  readonly settings: AmqpSettings
  /** The name that the broker's tools show for the connection. */
  readonly name: string
  readonly warn: (problem: string) => void
}

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly session: Promise<AmqpSession> }
  | { readonly name: 'connected'; readonly session: AmqpSession }
  | { readonly name: 'closed'; readonly ended: Promise<void> }

/** Connects when `session` is called first, and after each loss: to each host in turn, with growing waits, in the background. */
export const amqpConnection = ({ settings, name, warn }: ConnectionParts): AmqpConnection => {
  const { hosts, connectWaitMs } = settings.url
  /** Aborted by `close`: ends waits and attempts. */
  const closer = new AbortController()
  let state: State = { name: 'idle' }
  let lastFault: ConnectError | undefined
  let wasConnected = false
  let hostIndex = 0
  const isClosed = () => state.name === 'closed'

  const attempt = async (): Promise<AmqpSession> => {
    const host = hosts[hostIndex++ % hosts.length] ?? { host: '127.0.0.1', port: 5672 }
    const socket = new AbortController()
    const destroy = () => socket.abort()
    closer.signal.addEventListener('abort', destroy, { once: true })
    try {
      const model = await connectTo(settings, { ...host, name, signal: socket.signal })
      const session = amqpSession({ model, destroy, warn, onClose: () => lose(session) })
      return session
    } catch (error) {
      destroy()
      throw await connectFault(error, { ...host, isSecure: settings.url.tls !== undefined, vhost: settings.vhost })
    } finally {
      closer.signal.removeEventListener('abort', destroy)
    }
  }

  const lose = (session: AmqpSession) => {
    if (state.name !== 'connected' || state.session !== session) return
    state = { name: 'idle' }
    connected().catch(() => undefined)
  }

  /** Tries until there is a connection, or a fault at the first one that only the caller can mend. */
  const connect = async (): Promise<AmqpSession> => {
    for (let tries = 1; ; tries++) {
      try {
        const session = await attempt()
        if (isClosed()) await session.end(0)
        else if (session.isAlive) return session
      } catch (error) {
        const fault = error as ConnectError
        const isLasting = fault.fault !== 'unavailable'
        if (isLasting && !wasConnected) throw fault
        // Somebody may mend it while others go on. The warning comes once.
        if (isLasting && !isClosed() && lastFault?.message !== fault.message) warn(fault.message)
        lastFault = fault
      }
      await pause(reconnectDelayMs(tries), undefined, { signal: closer.signal }).catch(() => undefined)
      if (isClosed()) throw closedError()
    }
  }

  const connected = (): Promise<AmqpSession> => {
    if (state.name === 'connected') return Promise.resolve(state.session)
    if (state.name === 'connecting') return state.session
    if (state.name === 'closed') return Promise.reject(closedError())
    const session = connect().then(
      (made) => {
        wasConnected = true
        lastFault = undefined
        if (!isClosed()) state = { name: 'connected', session: made }
        return made
      },
      (error: unknown) => {
        if (!isClosed()) state = { name: 'idle' }
        throw error
      },
    )
    state = { name: 'connecting', session }
    return session
  }

  return {
    get isConnected() {
      return state.name === 'connected'
    },
    get blocked() {
      return state.name === 'connected' ? state.session.blocked : undefined
    },
    session: async (waitMs) => {
      if (state.name === 'connected') return state.session
      const late = () => lastFault ?? unanswered(hosts, Math.min(waitMs, connectWaitMs))
      return (await within(waitMs, connected())) ?? Promise.reject(late())
    },
    close: (waitMs) => {
      if (state.name !== 'closed') {
        const ended = state.name === 'connected' ? state.session.end(waitMs) : Promise.resolve()
        state = { name: 'closed', ended }
        closer.abort()
      }
      return state.ended
    },
  }
}

const closedError = () => new ConnectError('unavailable', 'the connection is closed')

const unanswered = (hosts: readonly { host: string; port: number }[], waitMs: number): ConnectError => {
  const list = hosts.map(({ host, port }) => formatHostPort(host, port)).join(', ')
  return new ConnectError('unavailable', `RabbitMQ at ${list} did not answer within ${waitMs} ms: is it running?`)
}

import { connect, type ChannelModel, type SocketOptions } from 'amqplib'
import { Socket } from 'node:net'
import type { AmqpSettings } from './settings.ts'
import { passwordOf, tlsOptions } from '@armature/messaging-kit/broker-url'

export interface ConnectTarget {
  readonly host: string
  readonly port: number
  /** The name that the broker's tools show for the connection. */
  readonly name: string
  /** Ends the socket, also after the connection is made. */
  readonly signal: AbortSignal
}

/** The longest silence of a socket while the connection is made. */
const connectTimeoutMs = 10_000

/** Connects to one host and logs in. Rejects as the client does. */
export const connectTo = async (
  settings: AmqpSettings,
  { host, port, name, signal }: ConnectTarget,
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
    timeout: connectTimeoutMs,
    clientProperties: { connection_name: name },
    ...tls,
    signal,
  }
  const model = await connect(options, socketOptions as SocketOptions)
  joinWrites(model)
  return model
}

/**
 * The client makes a system call for each message that it writes, which takes most of the time of a publish. This joins what is written in one
 * turn of the event loop. The client does not show its socket: where the socket is not found, nothing changes.
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

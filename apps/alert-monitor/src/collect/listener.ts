import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

export interface ListenerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** A longer packet is not read. */
  readonly maxPacketBytes: number
  /** A packet within the limit. Called in order of arrival; must not throw. */
  readonly onPacket: (packet: Uint8Array) => void
  /** A packet over the limit. */
  readonly onOversized: (packet: Uint8Array) => void
  /** The socket failed after it was opened. It receives nothing more. */
  readonly onError: (error: Error) => void
}

export interface Listener {
  readonly port: number
  /** Takes no more packets. Safe to call twice. */
  close(): Promise<void>
}

/** The kernel's buffer for packets that wait to be read; what does not fit there is lost before anyone can count it. */
const receiveBufferBytes = 4 * 1_048_576

/** Listens for UDP packets. Rejects with the socket's error (`EADDRINUSE`, ...), which names address and port. */
export const openListener = async (options: ListenerOptions): Promise<Listener> => {
  const { host, port, maxPacketBytes, onPacket, onOversized, onError } = options
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: receiveBufferBytes })
  socket.on('message', (packet) => (packet.length > maxPacketBytes ? onOversized(packet) : onPacket(packet)))
  await bound(socket, host, port)
  socket.on('error', onError)
  let closed: Promise<void> | undefined
  return {
    port: socket.address().port,
    close: () => (closed ??= new Promise((resolve) => socket.close(() => resolve()))),
  }
}

const bound = (socket: Socket, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      socket.close()
      reject(error)
    }
    socket.once('error', failed)
    socket.bind({ address: host, port }, () => {
      socket.off('error', failed)
      resolve()
    })
  })

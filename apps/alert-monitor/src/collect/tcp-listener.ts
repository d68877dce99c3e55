import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createLineStream } from './line-stream.ts'

export interface TcpListenerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Connections at once; more are closed as they come. */
  readonly maxConnections: number
  readonly maxLineBytes: number
  /** Whole lines. Nothing more is read from their connection until it resolves; a rejection cuts it. */
  readonly onLines: (lines: Uint8Array) => Promise<void>
  /** A line that was too long and is left out. */
  readonly onTooLong: () => void
  /** A connection that found no room. */
  readonly onRefused: () => void
}

export interface TcpListener {
  readonly port: number
  /** Takes nothing more: stops listening, and cuts what connections are left. Safe to call twice. */
  close(): Promise<void>
}

/** A connection on which nothing comes for so long is cut. */
const idleMs = 300_000

/** Listens for lines over TCP. A connection waits while what it sent is not taken. Rejects with the error of `listen`. */
export const openTcpListener = async (options: TcpListenerOptions): Promise<TcpListener> => {
  const { host, port, maxConnections, onRefused } = options
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    readLines(socket, options)
  })
  server.maxConnections = maxConnections
  server.on('drop', onRefused)
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port }, resolve)
  await listening
  server.off('error', reject)
  // Such as a connection that could not be accepted: the server goes on.
  server.on('error', () => undefined)
  const closed = Promise.withResolvers<void>()
  server.once('close', closed.resolve)
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      if (server.listening) server.close()
      for (const socket of sockets) socket.destroy()
      return closed.promise
    },
  }
}

const readLines = (socket: Socket, { maxLineBytes, onLines, onTooLong }: TcpListenerOptions): void => {
  let waiting = 0
  const take = (lines: Uint8Array) => {
    waiting += 1
    socket.pause()
    onLines(lines)
      .then(() => {
        waiting -= 1
        if (waiting === 0) socket.resume()
      })
      .catch(() => socket.destroy())
  }
  const stream = createLineStream({ maxLineBytes, onLines: take, onTooLong })
  socket.setTimeout(idleMs, () => socket.destroy())
  // The sender went away: nothing is wrong here.
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => stream.push(chunk))
  socket.on('end', () => stream.end())
}

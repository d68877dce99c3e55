import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface ListenerOptions {
  host: string
  /** 0 = any free port. */
  port: number
  /** Connections at once; one more is closed as soon as it is made. */
  maxConnections: number
  /** Told of each connection that was closed since there were too many. */
  onRefused: () => void
}

export interface Listener {
  readonly port: number
  /** Takes no new connection; those there are go on. Resolves when they have ended. */
  stop(): Promise<void>
  /** Cuts what connections are left. Resolves when all are gone. */
  close(): Promise<void>
}

/**
 * Listens for connections and gives each to `take`. grpc-js bounds neither their number nor tells the error of `listen`: hence a
 * listener of our own, whose connections are injected into it. Rejects with that error when the port cannot be had.
 */
export const listen = async (options: ListenerOptions, take: (socket: Socket) => void): Promise<Listener> => {
  const { host, port, maxConnections, onRefused } = options
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    take(socket)
  })
  // In a worker of node:cluster too the connection is closed; else it would be dealt to the next worker, again and again.
  Object.assign(server, { maxConnections, dropMaxConnection: true })
  server.on('drop', onRefused)
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port }, resolve)
  await listening
  server.off('error', reject)
  // Such as no file descriptor for a new connection: those there are go on.
  server.on('error', () => undefined)
  const closed = Promise.withResolvers<void>()
  server.once('close', closed.resolve)
  const stop = () => {
    if (server.listening) server.close()
    return closed.promise
  }
  return {
    port: (server.address() as AddressInfo).port,
    stop,
    close: () => {
      const ended = stop()
      for (const socket of sockets) socket.destroy()
      return ended
    },
  }
}

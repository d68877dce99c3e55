import { createServer, type Server, type Socket } from 'node:net'
import { formatHostPort } from '@armature/async/host-port'
import { freeSocketPath, socketPathOf } from './socket-path.ts'

export interface ListenerOptions {
  /** A host, or `unix:PATH`: a socket in the file system, whose port is 0. */
  host: string
  /** 0 = any free port. */
  port: number
  /** Connections at once; one more is closed as soon as it is made. */
  maxConnections: number
  /** Called for each connection that was closed because there were too many. */
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
 * listener of our own, whose connections are injected into it. Rejects with that error when the port, or the
 * path, cannot be had.
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
  const path = socketPathOf(host)
  if (path !== undefined) await freeSocketPath(path)
  await listening(server, path === undefined ? { host, port } : { path })
  // Such as no file descriptor for a new connection: those there are go on.
  server.on('error', () => undefined)
  const closed = Promise.withResolvers<void>()
  server.once('close', closed.resolve)
  const stop = () => {
    if (server.listening) server.close()
    return closed.promise
  }
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop,
    close: () => {
      const ended = stop()
      for (const socket of sockets) socket.destroy()
      return ended
    },
  }
}

const listening = async (server: Server, where: { host: string; port: number } | { path: string }): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(where, resolve)
  await promise
  server.off('error', reject)
}

/** `HOST:PORT`, with brackets around IPv6, or `unix:PATH`: what a client of it is given. */
export const addressOf = (host: string, port: number): string => {
  return socketPathOf(host) === undefined ? formatHostPort(host, port) : host
}

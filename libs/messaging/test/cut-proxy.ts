import { connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a server, to be cut. */
export interface CutProxy {
  readonly port: number
  /** Ends every connection at once and takes no new one, as the death of the client or of the network does. */
  cut(): void
}

/** Passes what comes at a free port of loopback on to `host:port`. */
export const cutProxy = async (host: string, port: number): Promise<CutProxy> => {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host, port })
    const both = [client, upstream]
    for (const socket of both) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        for (const each of both) each.destroy()
      })
    }
    client.pipe(upstream)
    upstream.pipe(client)
  })
  server.unref()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

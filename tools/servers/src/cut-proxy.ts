import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands between a client and a server, to be cut. */
export interface CutProxy {
  /** The server's URL, by way of this proxy. */
  readonly url: string
  /** Ends every connection at once, with nothing more sent, and takes no new one, as the death of a process or of the network does. */
  cut(): void
  /** Ends every connection at once, and goes on taking new ones. Answers how many there were. */
  breakOff(): number
  /** Loses what the server says from now on, on the connections that there are, as a network does that is about to break. */
  swallow(): void
  /** Takes connections again. */
  mend(): Promise<void>
}

/** Passes what comes at a free port of loopback on to the server of this URL. Does not keep the process. */
export const cutProxy = async (url: string): Promise<CutProxy> => {
  const { hostname: host, port: serverPort } = new URL(url)
  const sockets = new Set<Socket>()
  const fromServer = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host, port: Number(serverPort) })
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
    fromServer.add(upstream)
    upstream.on('close', () => fromServer.delete(upstream))
  })
  server.unref()
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const through = new URL(url)
  through.host = `127.0.0.1:${port}`
  return {
    url: through.href,
    cut: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
    breakOff: () => {
      const clients = sockets.size / 2
      for (const socket of sockets) socket.destroy()
      return clients
    },
    swallow: () => {
      for (const socket of fromServer) socket.unpipe().resume()
    },
    mend: () => listen(port),
  }
}

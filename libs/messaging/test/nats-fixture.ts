import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect, type NatsConnection } from '@nats-io/transport-node'

/** A TCP proxy that can cut its connections with nothing more sent, as the death of a client's process does. */
export interface Cuttable {
  readonly port: number
  /** Cuts the connections and refuses new ones. */
  cut(): void
  /** Takes connections again. */
  mend(): void
  close(): Promise<void>
}

/** A proxy to the server of this URL, on loopback. */
export const cuttable = async (url: string): Promise<Cuttable> => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((client) => {
    if (isCut) return void client.destroy()
    const upstream = connectSocket(Number(port), hostname)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => {
      isCut = false
    },
    close: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** The official client, as somebody else's program uses it. */
export const rawClient = (url: string): Promise<NatsConnection> => connect({ servers: new URL(url).host })

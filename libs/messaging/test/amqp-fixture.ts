import { connect as connectSocket, createServer, type AddressInfo, type Socket } from 'node:net'
import { openAmqp } from '../src/amqp.ts'
import type { KillableDriver } from '../src/conformance-fixture.ts'

/** The URL with more options. */
export const withOptions = (url: string, options: Readonly<Record<string, string | number>>): string => {
  const query = new URLSearchParams(
    Object.entries(options).map(([name, value]): [string, string] => [name, String(value)]),
  )
  return `${url}${url.includes('?') ? '&' : '?'}${query.toString()}`
}

/** A TCP proxy to the broker of this URL that can cut its connections with nothing more sent. */
export const cuttable = async (url: string) => {
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
  const through = new URL(url)
  through.port = String((server.address() as AddressInfo).port)
  return {
    url: through.href,
    /** Cuts what is open; with `refuse` also what would be opened. */
    cut: ({ refuse }: { refuse: boolean }) => {
      isCut = refuse
      for (const socket of sockets) socket.destroy()
    },
    mend: () => {
      isCut = false
    },
    close: () =>
      new Promise<void>((resolve) => {
        isCut = true
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** A driver whose connections end as by the death of its process. */
export const killableAmqp = async (url: string): Promise<KillableDriver> => {
  const proxy = await cuttable(url)
  const driver = await openAmqp(proxy.url, { warn: () => undefined })
  return { driver, kill: () => proxy.close() }
}

import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** Below it stand the well-known ports and the usual ones of servers: 5432, 9092, 15672. */
const lowestPort = 20_000
/** The first port of outgoing connections on most systems: https://www.rfc-editor.org/rfc/rfc6335#section-6. */
const usualFirstOutgoingPort = 49_152

/**
 * A TCP port of loopback which nothing listens on. No outgoing connection gets it, so it is still free when a server is started again on it.
 * On Linux no other process gets it from here while this one lives. Rejects where all ports are taken.
 */
export const freePort = (): Promise<number> => findPort(canListenOnTcp)

/** The same of UDP. */
export const freeUdpPort = (): Promise<number> => findPort(canListenOnUdp)

const findPort = async (isFree: (port: number) => Promise<boolean>): Promise<number> => {
  const count = firstOutgoingPort() - lowestPort
  const start = Math.floor(Math.random() * count)
  for (let tried = 0; tried < count; tried++) {
    const port = lowestPort + ((start + tried) % count)
    if ((await claim(port)) && (await isFree(port))) return port
  }
  throw new Error(`no port is free from ${lowestPort} to ${lowestPort + count - 1}: end servers that are left over`)
}

/** The system gives outgoing connections any port from this one. */
const firstOutgoingPort = (): number => {
  try {
    const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
    return first > lowestPort ? first : usualFirstOutgoingPort
  } catch {
    return usualFirstOutgoingPort
  }
}

/**
 * Makes the port this process's. The claim is a socket in Linux's abstract namespace, which has one owner and goes with its process:
 * https://man7.org/linux/man-pages/man7/unix.7.html. Other systems have none, so there every claim succeeds.
 */
const claim = (port: number): Promise<boolean> => {
  if (process.platform !== 'linux') return Promise.resolve(true)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = createServer().unref()
  socket.once('error', () => resolve(false))
  socket.listen(`\0armature-port-${port}`, () => resolve(true))
  return promise
}

const canListenOnTcp = (port: number): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = createServer()
  probe.once('error', () => resolve(false))
  probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  return promise
}

const canListenOnUdp = (port: number): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = createSocket('udp4')
  probe.once('error', () => resolve(false))
  probe.bind(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  return promise
}

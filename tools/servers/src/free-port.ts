import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** A TCP port of loopback that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const probe = createServer().once('error', reject)
  probe.listen(0, '127.0.0.1', () => {
    const address = probe.address()
    probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
  })
  return promise
}

/** The same of UDP. */
export const freeUdpPort = async (): Promise<number> => {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const probe = createSocket('udp4').once('error', reject)
  probe.bind(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
  return promise
}

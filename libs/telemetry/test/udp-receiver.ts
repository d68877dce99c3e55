import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** A UDP server on loopback that keeps what comes. */
export const udpReceiver = async (type: 'udp4' | 'udp6' = 'udp4') => {
  const socket = createSocket(type)
  const packets: string[] = []
  socket.on('message', (packet) => packets.push(packet.toString()))
  socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    packets,
    /** The lines of all packets. */
    lines: (): readonly string[] => packets.flatMap((packet) => packet.split('\n')),
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

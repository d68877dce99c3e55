import { createSocket } from 'node:dgram'
import { afterEach, expect, test, vi } from 'vitest'
import { openListener, type Listener, type ListenerOptions } from './listener.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

const open = async (changed: Partial<ListenerOptions> = {}) => {
  const packets: string[] = []
  const oversized: number[] = []
  const listener = await openListener({
    host: '127.0.0.1',
    port: 0,
    maxPacketBytes: 1024,
    onPacket: (packet) => packets.push(Buffer.from(packet).toString()),
    onOversized: (packet) => oversized.push(packet.length),
    onError: () => undefined,
    ...changed,
  })
  opened.push(listener.close)
  return { listener, packets, oversized }
}

const send = async ({ port }: Listener, packets: readonly (string | Buffer)[]) => {
  const socket = createSocket('udp4')
  opened.push(() => socket.close())
  for (const packet of packets) {
    await new Promise<void>((resolve, reject) =>
      socket.send(packet, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error))),
    )
  }
}

test('packets come in order, one too long is told apart, the rest flows', async () => {
  const { listener, packets, oversized } = await open()
  await send(listener, ['a:1|c', 'x'.repeat(1024), 'x'.repeat(1025), Buffer.alloc(0), 'b:2|c'])
  await vi.waitFor(() => expect(packets).toHaveLength(4))
  expect(packets.map((packet) => packet.length)).toEqual([5, 1024, 0, 5])
  expect(oversized).toEqual([1025])
})

test('a port that is taken is an error with address and port', async () => {
  const { listener } = await open()
  await expect(open({ port: listener.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    address: '127.0.0.1',
    port: listener.port,
  })
})

test('after close the port is free again; closing twice does no harm', async () => {
  const { listener } = await open()
  await Promise.all([listener.close(), listener.close()])
  await expect(open({ port: listener.port })).resolves.toBeDefined()
})

test('IPv6 loopback', async () => {
  const { listener } = await open({ host: '::1' })
  expect(listener.port).toBeGreaterThan(0)
})

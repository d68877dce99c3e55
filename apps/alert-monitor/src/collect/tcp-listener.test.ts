import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openTcpListener } from './tcp-listener.ts'

const open = async (onLines: (lines: string) => Promise<void>) => {
  const listener = await openTcpListener({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 10,
    maxLineBytes: 100,
    onLines: (lines) => onLines(Buffer.from(lines).toString()),
    onTooLong: () => undefined,
    onRefused: () => undefined,
  })
  onTestFinished(() => listener.close())
  const socket: Socket = connect(listener.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  return { listener, socket }
}

test('a sender waits while its lines are not taken', async () => {
  const heard: string[] = []
  const gate = Promise.withResolvers<void>()
  const { socket } = await open(async (lines) => {
    heard.push(lines)
    await gate.promise
  })
  const line = `${'x'.repeat(99)}\n`
  socket.write('first\n')
  await vi.waitFor(() => expect(heard).toEqual(['first']))
  // More than the buffers of both sides and of the kernel hold.
  const chunk = line.repeat(10_000)
  let sent = 0
  for (; sent < 200 && socket.writableLength < 20_000_000; sent += 1) socket.write(chunk)
  await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toEqual(['first'])
  gate.resolve()
  socket.end()
  const bytes = () => heard.slice(1).reduce((sum, lines) => sum + lines.split('\n').length, 0)
  await vi.waitFor(() => expect(bytes()).toBe(sent * 10_000), { timeout: 20_000 })
})

test('a port that is taken is an error; after close it is free, and closing twice does no harm', async () => {
  const options = { host: '127.0.0.1', maxConnections: 1, maxLineBytes: 10 }
  const hooks = { onLines: () => Promise.resolve(), onTooLong: () => undefined, onRefused: () => undefined }
  const { listener } = await open(() => Promise.resolve())
  await expect(openTcpListener({ ...options, ...hooks, port: listener.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  await Promise.all([listener.close(), listener.close()])
  const again = await openTcpListener({ ...options, ...hooks, port: listener.port })
  await again.close()
})

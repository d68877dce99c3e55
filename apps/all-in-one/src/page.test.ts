import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { openPage, type PageOptions } from './page.ts'

const waitMs = 15_000
const opened: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const open = async (options: Partial<PageOptions> = {}) => {
  const faults: unknown[] = []
  const page = await openPage({
    port: 0,
    status: () => ({ services: [], alerts: [], perSecond: {} }),
    search: async () => [],
    onFault: (error) => faults.push(error),
    ...options,
  })
  opened.push(() => page.close())

  /** Sends the bytes; `text` is what came back so far. */
  const send = async (bytes: string): Promise<{ socket: Socket; text: () => string }> => {
    const socket = connect(page.port, '127.0.0.1')
    opened.push(() => void socket.destroy())
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(bytes)
    return { socket, text: () => text }
  }
  const statusOf = async (target: string, ...headers: readonly string[]) => {
    const lines = [`GET ${target} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, '', '']
    const { socket, text } = await send(lines.join('\r\n'))
    await expect.poll(text, { timeout: waitMs }).toContain('\r\n\r\n')
    socket.destroy()
    return Number(text().slice(9, 12))
  }
  return { page, faults, send, statusOf }
}

const follow = 'GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'

test.each(['//', '//[', '/\\', '*', 'http://', '/%'])('bug: the target %s ended the whole platform', async (target) => {
  const { statusOf, faults } = await open()
  expect([400, 404]).toContain(await statusOf(target))
  expect(await statusOf('/')).toBe(200)
  expect(faults).toEqual([])
})

test('a host of the network is refused, by address and by name, also in the target', async () => {
  const { page, send } = await open()
  for (const host of ['evil.example', '10.1.2.3', '0.0.0.0', `evil.example:${page.port}`]) {
    const { text } = await send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await expect.poll(text, { timeout: waitMs }).toMatch(/^HTTP\/1\.1 403/)
  }
  const { text } = await send('GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  await expect.poll(text, { timeout: waitMs }).toMatch(/^HTTP\/1\.1 403/)
})

test('a page of another site may open the page, and neither follow nor search', async () => {
  const { statusOf } = await open()
  const foreign = 'Sec-Fetch-Site: cross-site'
  expect(await statusOf('/', foreign)).toBe(200)
  expect(await statusOf('/events', foreign)).toBe(403)
  expect(await statusOf('/search?lat=0&lng=0', foreign)).toBe(403)
  expect(await statusOf('/search?lat=0&lng=0', 'Sec-Fetch-Site: same-origin')).toBe(200)
})

describe('streams', () => {
  test('are bounded, and one that ends makes room', async () => {
    const { send, statusOf } = await open({ maxStreams: 2 })
    const [first] = [await send(follow), await send(follow)]
    await expect.poll(first.text, { timeout: waitMs }).toContain('data: {')
    expect(await statusOf('/events')).toBe(503)
    expect(await statusOf('/')).toBe(200)
    first.socket.destroy()
    await expect.poll(() => statusOf('/events'), { timeout: waitMs }).toBe(200)
  })

  test('that wait behind another on one connection end with it', async () => {
    const { send, statusOf, faults } = await open({ maxStreams: 3 })
    for (let round = 0; round < 3; round += 1) {
      const { socket, text } = await send(follow.repeat(20))
      await expect.poll(text, { timeout: waitMs }).toContain('data: {')
      socket.resetAndDestroy()
    }
    await expect.poll(() => statusOf('/events'), { timeout: waitMs }).toBe(200)
    expect(faults).toEqual([])
  })

  test('that nobody reads are given up', async () => {
    const big = 'x'.repeat(4_000_000)
    const { send, statusOf } = await open({
      maxStreams: 1,
      status: () => ({ services: [], alerts: [{ name: big, status: '', summary: '', time: '' }], perSecond: {} }),
    })
    const { socket } = await send(follow)
    socket.pause()
    await expect.poll(() => statusOf('/events'), { timeout: waitMs, interval: 200 }).toBe(200)
  })
})

import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { rawAnswer, type RawConnection, rawConnection, statuses } from '../test/raw-http.ts'
import { isDirectHost } from './http-hosts.ts'
import { type HttpServerOptions, openHttpServer } from './http-server.ts'

const waitMs = 15_000
const opened: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const open = async (options: Partial<HttpServerOptions> = {}) => {
  const faults: unknown[] = []
  const server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    answersTo: isDirectHost([]),
    answer: (_request, response, url) => void response.end(url.pathname),
    onFault: (error) => faults.push(error),
    ...options,
  })
  opened.push(() => server.close())
  const ask = async (...lines: readonly string[]) => rawAnswer(server.port, `${lines.join('\r\n')}\r\n\r\n`)
  const get = async (target: string, host = '127.0.0.1') => ask(`GET ${target} HTTP/1.1`, `Host: ${host}`)
  return { server, faults, ask, get }
}
const connected = async (port: number): Promise<RawConnection> => {
  const connection = await rawConnection(port)
  opened.push(() => void connection.socket.destroy())
  return connection
}

describe('a target', () => {
  test.each([
    ['/a/b?c=d', '/a/b'],
    ['/a//b', '/a//b'],
    ['/%zz', '/%zz'],
    ['/a/../b', '/b'],
    ['http://127.0.0.1/x', '/x'],
    ['HTTP://localhost:1/x', '/x'],
  ])('%s is answered', async (target, path) => {
    const { get } = await open()
    const answer = await get(target)
    expect(statuses(answer)).toEqual([200])
    expect(answer.endsWith(`\r\n\r\n${path}`)).toBe(true)
  })

  test.each(['//', '///', '//[', '//x/y', '/\\x', '*', 'x', 'http://', 'http://[', 'ftp://127.0.0.1/', 'data:x'])(
    'bug: %s ended the process; it is refused',
    async (target) => {
      const { get, faults } = await open()
      expect(statuses(await get(target))).toEqual([400])
      expect(statuses(await get('/'))).toEqual([200])
      expect(faults).toEqual([])
    },
  )
})

describe('a host', () => {
  test.each(['evil.example', 'evil.example:80', '', 'a b', 'user@127.0.0.1', '[::1'])(
    '%j is refused before the path is looked at',
    async (host) => {
      const answer = vi.fn()
      const { get } = await open({ answer })
      expect(statuses(await get('/', host))).toEqual([403])
      expect(answer).not.toHaveBeenCalled()
    },
  )

  test('of an absolute target counts too', async () => {
    const { get } = await open()
    expect(statuses(await get('http://evil.example/'))).toEqual([403])
    expect(statuses(await get('http://127.0.0.1/', 'evil.example'))).toEqual([403])
  })

  test('is given once; HTTP/1.0 may leave it out', async () => {
    const { ask } = await open()
    expect(statuses(await ask('GET / HTTP/1.1'))).toEqual([400])
    expect(statuses(await ask('GET / HTTP/1.1', 'Host: 127.0.0.1', 'Host: evil.example'))).toEqual([400])
    expect(statuses(await ask('GET / HTTP/1.0'))).toEqual([200])
  })
})

describe('bytes of any kind', () => {
  const good = 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n'
  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['an upgrade', `${good}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x00\x01garbage`],
    ['an upgrade to h2c', `${good}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`],
    ['garbage behind a request', `${good}\r\n\x00\x01\x02 garbage\r\n\r\n`],
    ['half a request behind a request', `${good}\r\nGET / HT`],
    ['a NUL in a header', `${good}X: a\0b\r\n\r\n`],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: 127.0.0.1\n\n'],
    ['a header without a name', `${good}: x\r\n\r\n`],
    ['an expectation', `${good}Expect: the unexpected\r\n\r\n`],
    ['two lengths', `${good}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`],
    ['a length and chunks', `${good}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a chunk without a size', `${good}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a negative length', `${good}Content-Length: -1\r\n\r\n`],
    ['a body that ends early', `${good}Content-Length: 100\r\n\r\nx`],
    ['many headers', `${good}${'a: b\r\n'.repeat(1_300)}\r\n`],
    ['a thousand requests at once', `${good}\r\n`.repeat(1_000)],
    ['nothing', ''],
  ])('%s does not end the server', async (_, bytes) => {
    const { server, get, faults } = await open()
    await rawAnswer(server.port, Buffer.from(bytes, 'latin1'))
    expect(statuses(await get('/'))).toEqual([200])
    expect(faults).toEqual([])
  })

  test('headers over the bound are 431', async () => {
    const { ask, get } = await open({ bounds: { maxHeaderBytes: 1_024 } })
    expect(statuses(await ask('GET / HTTP/1.1', 'Host: 127.0.0.1', `X: ${'x'.repeat(2_000)}`))).toEqual([431])
    expect(statuses(await get(`/${'x'.repeat(2_000)}`))).toEqual([431])
  })

  test('a client that resets before its answer', async () => {
    const held = Promise.withResolvers<void>()
    const { server, get, faults } = await open({
      answer: async (_request, response, { pathname }) => {
        if (pathname === '/held') await held.promise
        response.write('x')
        response.end()
      },
    })
    const { socket } = await connected(server.port)
    socket.write('GET /held HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(3))
    expect(statuses(await get('/'))).toEqual([200])
    socket.resetAndDestroy()
    await once(socket, 'close')
    expect(statuses(await get('/'))).toEqual([200])
    held.resolve()
    expect(statuses(await get('/'))).toEqual([200])
    expect(faults).toEqual([])
  })
})

test.each([
  [() => Promise.reject(new Error('secret')), 'rejects'],
  [
    () => {
      throw new Error('secret')
    },
    'throws',
  ],
])('an answer that fails is 500 without its text, and told (%#)', async (answer) => {
  const { get, faults } = await open({ answer })
  const text = await get('/')
  expect(statuses(text)).toEqual([500])
  expect(text).not.toContain('secret')
  expect(faults).toEqual([new Error('secret')])
})

test('an answer that fails half-way is cut', async () => {
  const { get, faults } = await open({
    answer: (_request, response) => {
      response.write('half')
      throw new Error('secret')
    },
  })
  expect(await get('/')).not.toContain('secret')
  expect(faults).toHaveLength(1)
})

describe('bounds', () => {
  test('connections over the bound are closed, and taken again when there is room', async () => {
    const { server, get } = await open({ bounds: { maxConnections: 3 } })
    const held = await Promise.all([connected(server.port), connected(server.port), connected(server.port)])
    expect(await get('/')).toBe('')
    for (const { socket } of held) socket.destroy()
    await expect.poll(async () => statuses(await get('/')), { timeout: waitMs }).toEqual([200])
  })

  test.each([
    ['no head', 'GET / HT'],
    ['no bytes', ''],
    ['no body', 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nx'],
  ])('a request that does not arrive is cut: %s', { timeout: 2 * waitMs }, async (_, bytes) => {
    const { server } = await open({ bounds: { requestTimeoutMs: 100 }, answer: () => undefined })
    const { socket, closed } = await connected(server.port)
    if (bytes !== '') socket.write(bytes)
    expect(statuses(await within(closed))).toEqual([408])
  })

  test('a connection on which nothing moves is cut', { timeout: 2 * waitMs }, async () => {
    const { server } = await open({ bounds: { idleTimeoutMs: 100 }, answer: () => undefined })
    const { socket, closed } = await connected(server.port)
    socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    expect(await within(closed)).toBe('')
  })
})

/** Rejects when the server has not closed the connection in time. */
const within = async (closed: Promise<string>): Promise<string> => {
  let text: string | undefined
  void closed.then((all) => (text = all))
  await expect.poll(() => text, { timeout: waitMs }).toBeDefined()
  return text ?? ''
}

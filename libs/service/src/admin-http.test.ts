import { createServer } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { rawAnswer, statuses } from '../test/raw-http.ts'
import { type AdminOptions, openAdmin } from './admin-http.ts'
import type { NotReady } from './service.ts'

const opened: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const open = async (options: Partial<AdminOptions> = {}) => {
  const admin = await openAdmin({
    host: '127.0.0.1',
    port: 0,
    notReady: () => [],
    expose: () => 'metric 1\n',
    ...options,
  })
  opened.push(() => admin.close())
  const get = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`${admin.url}${path}`, init)
    return [answer.status, await answer.text()]
  }
  return { admin, get }
}

const broker: NotReady = { check: 'broker', reason: 'not\nconnected' }
const disk: NotReady = { check: 'disk', reason: 'full' }

describe('health', () => {
  test.each(['/livez', '/healthz', '/readyz'])('%s is 200 ok', async (path) => {
    const { get } = await open()
    expect(await get(path)).toEqual([200, 'ok'])
  })

  test('with ?verbose lists the checks', async () => {
    const { get } = await open()
    expect(await get('/livez?verbose')).toEqual([200, '[+]ping ok\nlivez check passed\n'])
    expect(await get('/readyz?verbose=1')).toEqual([200, '[+]ping ok\nreadyz check passed\n'])
  })

  test('with ?verbose lists the checks of readiness that pass, too', async () => {
    const { get } = await open({ checks: () => ['broker', 'disk'], notReady: () => [disk] })
    const lines = '[+]ping ok\n[+]broker ok\n[-]disk failed: full\nreadyz check failed\n'
    expect(await get('/readyz?verbose')).toEqual([503, lines])
    expect(await get('/livez?verbose')).toEqual([200, '[+]ping ok\nlivez check passed\n'])
    expect(await get('/readyz?verbose&exclude=disk&exclude=broker')).toEqual([
      200,
      '[+]ping ok\n[+]broker excluded: ok\n[+]disk excluded: ok\nreadyz check passed\n',
    ])
  })

  test('readiness is 503 with a line a failing check; liveness asks none', async () => {
    const { get } = await open({ notReady: () => [broker, disk] })
    const lines = '[+]ping ok\n[-]broker failed: not connected\n[-]disk failed: full\nreadyz check failed\n'
    expect(await get('/readyz')).toEqual([503, lines])
    expect(await get('/livez')).toEqual([200, 'ok'])
    expect(await get('/healthz')).toEqual([200, 'ok'])
  })

  test('?exclude leaves checks out', async () => {
    const { get } = await open({ notReady: () => [broker, disk] })
    expect(await get('/readyz?exclude=broker')).toEqual([503, expect.stringContaining('[+]broker excluded: ok')])
    expect(await get('/readyz?exclude=broker&exclude=disk')).toEqual([200, 'ok'])
  })
})

test('/metrics is the Prometheus text format', async () => {
  const { admin } = await open()
  const answer = await fetch(`${admin.url}/metrics`)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(await answer.text()).toBe('metric 1\n')
})

describe('bad input', () => {
  test('an unknown path is 404 and names the known ones', async () => {
    const { get } = await open()
    expect(await get('/nothing')).toEqual([404, expect.stringContaining('/livez /healthz /readyz /metrics')])
    expect(await get('/constructor')).toContain(404)
  })

  test.each(['POST', 'DELETE', 'PUT'])('%s is 405', async (method) => {
    const { get } = await open()
    expect(await get('/readyz', { method })).toContain(405)
  })

  test('HEAD is answered without a body', async () => {
    const { get } = await open()
    expect(await get('/readyz', { method: 'HEAD' })).toEqual([200, ''])
  })

  test('a path that is no URL is 400', async () => {
    const { admin } = await open()
    for (const target of ['//[', '//', '*'])
      expect(statuses(await rawAnswer(admin.port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`))).toEqual([400])
  })

  test.each(['/livez', '/readyz', '/metrics', '/nothing'])('%s is not read through a foreign name', async (path) => {
    const faults: unknown[] = []
    const { admin } = await open({ allowedHosts: ['search.internal'], onFault: (error) => faults.push(error) })
    const ask = async (host: string) =>
      statuses(await rawAnswer(admin.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`))
    const good = path === '/nothing' ? 404 : 200
    for (const host of ['evil.example', 'search.internal.evil.example', '']) expect(await ask(host)).toEqual([403])
    // Probes of Kubernetes ask by the address of the pod.
    for (const host of ['10.42.0.7:9090', '[fd00::7]:9090', 'localhost', 'search.internal:1', 'Search.Internal'])
      expect(await ask(host)).toEqual([good])
    expect(faults).toEqual([])
  })

  test('a route that throws or rejects is 500 without its text', async () => {
    const { get } = await open({
      routes: {
        '/throws': () => {
          throw new Error('secret')
        },
        '/rejects': () => Promise.reject(new Error('secret')),
      },
      expose: () => {
        throw new Error('secret')
      },
    })
    for (const path of ['/throws', '/rejects', '/metrics']) expect(await get(path)).toEqual([500, 'internal error\n'])
    expect(await get('/livez')).toEqual([200, 'ok'])
  })

  test('a taken port rejects with the error of listen', async () => {
    const holder = createServer()
    opened.push(() => void holder.close())
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port))
    })
    await expect(open({ port })).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port })
  })
})

test('routes of the caller are served beside', async () => {
  const { get } = await open({ routes: { '/page': (_request, response, url) => void response.end(url.search) } })
  expect(await get('/page?q=1')).toEqual([200, '?q=1'])
})

test('close cuts connections that are open', async () => {
  const { admin } = await open({ routes: { '/stream': (_request, response) => void response.write('open') } })
  const answer = await fetch(`${admin.url}/stream`)
  const socket = connect(admin.port, admin.host)
  opened.push(() => void socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  const cut = expect(answer.text()).rejects.toThrow()
  await admin.close()
  await admin.close()
  await cut
})

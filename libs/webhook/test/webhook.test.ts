import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, test, vi } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { openServer, status, type Answer } from '../src/testing-http-server.ts'
import { createWebhook, longestRetryAfterMs, type WebhookOptions, type WebhookRequest } from '../src/webhook.ts'

const request = (body: string | Uint8Array, headers: Record<string, string> = {}): WebhookRequest => ({
  id: 'r1',
  headers,
  body: Buffer.from(body),
})

const open = (url: string, changed: Partial<WebhookOptions> = {}) => {
  const clock = drivenClock(Date.UTC(2026, 0, 1))
  const outcomes: string[] = []
  const webhook = createWebhook({
    url,
    timeoutMs: 5_000,
    attempts: 5,
    allowNetworks: ['127.0.0.1'],
    clock,
    random: () => 0.5,
    onRequest: (outcome) => outcomes.push(outcome),
    ...changed,
  })
  const closing = new AbortController()
  const post = (given = request('{"name":"cpu"}')) => webhook(given, closing.signal)
  /** Runs the clock for as long as the delivery needs it. */
  const settle = async (posting: Promise<void>) => {
    let settled = false
    const done = posting.then(
      () => void (settled = true),
      (error: unknown) => {
        settled = true
        throw error
      },
    )
    done.catch(() => undefined)
    const startedMs = clock.now()
    // Requests take real time: the clock moves only while none is on its way.
    for (let told = -1; !settled;) {
      if (outcomes.length > told) {
        told = outcomes.length
        await clock.advance(100)
      } else await clock.advance(outcomes.length === 0 ? 0 : 100)
    }
    await done
    return clock.now() - startedMs
  }
  return { clock, outcomes, post, settle, closing }
}

describe('the request', () => {
  test('has the headers and the body that it was given', async () => {
    const { seen, url } = await openServer(status(200))
    await open(url).post(request('{"name":"cpu"}', { 'content-type': 'application/json', 'x-custom': 'ä' }))
    expect(seen).toMatchObject([
      {
        method: 'POST',
        path: '/hooks/x',
        body: '{"name":"cpu"}',
        headers: { 'content-type': 'application/json', 'x-custom': 'ä' },
      },
    ])
    expect(seen[0]?.headers).not.toHaveProperty('webhook-id')
  })

  test('is signed anew in each attempt, under the same id', async () => {
    const { seen, url } = await openServer(status(503, { 'retry-after': '7' }), status(200))
    const { post, settle } = open(url, { signingSecret: Buffer.alloc(32, 1).toString('base64') })
    await settle(post())
    const headers = seen.map((each) => each.headers)
    expect(headers.map((each) => each['webhook-id'])).toEqual(['r1', 'r1'])
    expect(Number(headers[1]?.['webhook-timestamp'])).toBeGreaterThanOrEqual(
      Number(headers[0]?.['webhook-timestamp']) + 7,
    )
    expect(headers[0]?.['webhook-signature']).not.toBe(headers[1]?.['webhook-signature'])
  })

  test('takes connections that are open already', async () => {
    const { seen, url } = await openServer(status(200))
    const { post } = open(url)
    for (let index = 0; index < 20; index += 1) await post()
    expect(seen).toHaveLength(20)
    expect(new Set(seen.map(({ socket }) => socket)).size).toBeLessThan(5)
  })

  test('has credentials from the URL or a token', async () => {
    const { seen, url } = await openServer(status(200))
    await open(url.replace('http://', 'http://user:p%40ss@')).post()
    await open(url.replace('http://', 'http://user:pass@'), { token: 'secret' }).post()
    await open(url).post()
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
      'Bearer secret',
      undefined,
    ])
  })

  test('carries any bytes', async () => {
    const { seen, url } = await openServer(status(200))
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    await open(url).post(request(bytes))
    expect(seen[0]?.body).toBe(bytes.toString('latin1'))
  })

  test.each([['one\r\nx-injected: 1'], ['lone \ud800'], ['greater \u0100'], ['zero \u0000']])(
    'is not sent with the header %j',
    async (value) => {
      const { seen, url } = await openServer(status(200))
      await expect(open(url).post(request('x', { custom: value }))).rejects.toMatchObject({
        reason: 'bad-header',
        retryable: false,
      })
      expect(seen).toEqual([])
    },
  )
})

describe('what is tried again', () => {
  test.each([[500], [502], [503], [429], [408], [425]])('%d, until it is taken', async (code) => {
    const { seen, url } = await openServer(status(code), status(code), status(204))
    const { post, settle, outcomes } = open(url)
    await settle(post())
    expect(seen).toHaveLength(3)
    expect(outcomes).toEqual([`${Math.floor(code / 100)}xx`, `${Math.floor(code / 100)}xx`, '2xx'])
  })

  test('no connection', async () => {
    const { close, url } = await openServer()
    await close()
    const { post, settle, outcomes } = open(url, { attempts: 3 })
    await expect(settle(post())).rejects.toThrow(/cannot be reached \(ECONNREFUSED\), 3 times/)
    expect(outcomes).toEqual(['unreachable', 'unreachable', 'unreachable'])
  })

  test('a connection that breaks in the middle', async () => {
    const { seen, url } = await openServer((_, request) => request.socket.destroy(), status(200))
    const { post, settle } = open(url)
    await settle(post())
    expect(seen).toHaveLength(2)
  })

  test('no answer in time', async () => {
    const { seen, url } = await openServer(() => undefined, status(200))
    const { post, clock, settle, outcomes } = open(url)
    const posting = post()
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    await clock.advance(4_999)
    expect(outcomes).toEqual([])
    await clock.advance(1)
    await vi.waitFor(() => expect(outcomes).toEqual(['timeout']))
    await settle(posting)
    expect(outcomes).toEqual(['timeout', '2xx'])
  })

  test('but not more often than allowed', async () => {
    const { seen, url } = await openServer(status(503))
    const { post, settle } = open(url, { attempts: 4 })
    await expect(settle(post())).rejects.toThrow(/answered 503, 4 times/)
    expect(seen).toHaveLength(4)
  })

  test.each([
    ['7', 7_000],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 8_000],
    ['86400', longestRetryAfterMs],
  ])('not before Retry-After: %s', async (header, ms) => {
    const { url } = await openServer(status(503, { 'retry-after': header }), status(200))
    const { post, settle } = open(url)
    const tookMs = await settle(post())
    expect(tookMs).toBeGreaterThanOrEqual(ms)
    expect(tookMs).toBeLessThan(ms + 2_000)
  })
})

describe('what is not', () => {
  test.each([[400], [401], [404], [410], [413]])('%d is for good', async (code) => {
    const { seen, url } = await openServer(status(code))
    await expect(open(url).post()).rejects.toMatchObject({
      name: 'WebhookError',
      retryable: false,
      reason: `webhook-${code}`,
    })
    expect(seen).toHaveLength(1)
  })

  test('a redirect elsewhere is not followed, credentials or not', async () => {
    const other = await openServer(status(200))
    for (const code of [301, 302, 303, 307, 308]) {
      const { url } = await openServer(status(code, { location: other.url }))
      await expect(open(url, { token: 'secret' }).post()).rejects.toMatchObject({ reason: `webhook-${code}` })
    }
    expect(other.seen).toEqual([])
  })

  test('a redirect on the same origin is followed where it keeps the method, and not round in a circle', async () => {
    const { seen, url } = await openServer(status(308, { location: '/moved' }), status(200))
    await open(url, { token: 'secret' }).post()
    expect(seen.map(({ method, path, headers }) => [method, path, headers.authorization])).toEqual([
      ['POST', '/hooks/x', 'Bearer secret'],
      ['POST', '/moved', 'Bearer secret'],
    ])
    const circle = await openServer(status(307, { location: '/again' }))
    await expect(open(circle.url).post()).rejects.toMatchObject({ reason: 'webhook-307' })
    expect(circle.seen).toHaveLength(4)
  })

  test('anything once the caller gives up', async () => {
    const { seen, url } = await openServer(status(503))
    const { post, closing, outcomes } = open(url)
    const posting = post()
    await vi.waitFor(() => expect(outcomes).toHaveLength(1))
    closing.abort(new Error('closing'))
    await expect(posting).rejects.toThrow('closing')
    await expect(post()).rejects.toThrow('closing')
    expect(seen).toHaveLength(1)
  })
})

test('an answer without end is not read to its end', async () => {
  const flood: Answer = (response) => {
    response.writeHead(200)
    const chunk = Buffer.alloc(65_536)
    const write = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', write)
    }
    write()
  }
  const { url } = await openServer(flood)
  await open(url).post()
})

/** Resolves with the next message of a channel. */
const once = (channel: string): Promise<unknown> =>
  new Promise((resolve) => {
    const listen = (told: unknown) => {
      unsubscribe(channel, listen)
      resolve(told)
    }
    subscribe(channel, listen)
  })

describe('bug: a request that was taken was sent again where the body of its answer', () => {
  test('broke off', async () => {
    const { seen, url } = await openServer((response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('begin', () => response.destroy())
    })
    const { post, outcomes } = open(url, { attempts: 1 })
    await post()
    expect([seen.length, outcomes]).toEqual([1, ['2xx']])
  })

  test('did not end in time', async () => {
    const { url } = await openServer((response) => void response.writeHead(200).write('begin'))
    const { post, clock, outcomes } = open(url, { attempts: 1 })
    const status = once('undici:request:headers')
    const posting = post()
    await status
    await clock.advance(5_000)
    await posting
    expect(outcomes).toEqual(['2xx'])
  })
})

test('errors hold no credentials and no path', async () => {
  const { close, url } = await openServer(status(403), status(302, { location: 'http://user:canary@x.example' }))
  const secret = url.replace('http://', 'http://canary:canary@').replace('/hooks/x', '/hooks/canary?token=canary')
  const said: string[] = []
  const post = async () => {
    const { post, settle } = open(secret, { token: 'canary', attempts: 2 })
    await settle(post()).catch((error: unknown) => said.push(String(error), (error as Error).stack ?? ''))
  }
  await post()
  await post()
  await close()
  await post()
  expect(said).toHaveLength(6)
  expect(said.join('\n')).not.toContain('canary')
})

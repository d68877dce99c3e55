import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { message, type Message } from '@armature/messaging/message'
import { openServer, status } from '@armature/webhook/testing-http-server'
import type { WebhookOptions } from '@armature/webhook/webhook'
import { webhookAction } from '../src/webhook-action.ts'

const open = (url: string, changed: Partial<WebhookOptions> = {}) => {
  const action = webhookAction({
    url,
    timeoutMs: 5_000,
    attempts: 1,
    allowNetworks: ['127.0.0.0/8'],
    clock: drivenClock(Date.UTC(2026, 0, 1)),
    random: () => 0.5,
    onRequest: () => undefined,
    ...changed,
  })
  const { signal } = new AbortController()
  return (given: Message) => action({ message: given, signal })
}

describe('the request', () => {
  test('is an HTTP CloudEvent in binary mode', async () => {
    const { seen, url } = await openServer(status(200))
    const time = new Date(Date.UTC(2026, 0, 1, 12))
    await open(url)(
      message('alerts.cpu', '{"name":"cpu"}', { id: 'm1', time, headers: { 'content-type': 'application/json' } }),
    )
    expect(seen).toMatchObject([
      {
        method: 'POST',
        path: '/hooks/x',
        body: '{"name":"cpu"}',
        headers: {
          'ce-id': 'm1',
          'ce-specversion': '1.0',
          'ce-time': '2026-01-01T12:00:00.000Z',
          'ce-type': expect.any(String) as string,
          'ce-source': expect.any(String) as string,
          'content-type': 'application/json',
        },
      },
    ])
    expect(seen[0]?.headers['webhook-signature']).toBeUndefined()
  })

  test('has no credentials, host or length from the message', async () => {
    const { seen, url } = await openServer(status(200))
    const forged = {
      authorization: 'Bearer forged',
      host: 'elsewhere.example',
      'content-length': '1',
      cookie: 'a=b',
      'webhook-signature': 'v1,forged',
    }
    await open(url)(message('a', 'body', { headers: forged }))
    expect(seen[0]?.headers).toMatchObject({ host: new URL(url).host, 'content-length': '4' })
    expect(seen[0]?.headers).not.toHaveProperty('authorization')
    expect(seen[0]?.headers).not.toHaveProperty('cookie')
    expect(seen[0]?.headers).not.toHaveProperty('webhook-signature')
    expect(seen[0]?.body).toBe('body')
  })

  test.each([['one\r\nx-injected: 1'], ['lone \ud800'], ['größe\u0000']])(
    'is not split by a header %j: it is encoded or refused, once and for all',
    async (value) => {
      const { seen, url } = await openServer(status(200))
      const outcome = await open(url)(message('a', 'x', { headers: { custom: value } })).then(
        () => 'sent',
        (error: unknown) => (error as { reason?: string }).reason,
      )
      expect(['sent', 'bad-header']).toContain(outcome)
      expect(seen.every(({ headers }) => headers['x-injected'] === undefined)).toBe(true)
    },
  )

  test('is signed, with an id that stays the same for the same event and differs for one of another source', async () => {
    const { seen, url } = await openServer(status(200))
    const key = Buffer.alloc(32, 7)
    const post = open(url, { signingSecret: `whsec_${key.toString('base64')}` })
    for (const source of ['/a', '/a', '/b']) await post(message('a', 'body', { id: '1.2', headers: { source } }))
    const ids = seen.map(({ headers }) => headers['webhook-id'])
    expect(ids[0]).toMatch(/^msg_[0-9a-f]{32}$/)
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([true, false])
    const signed = `${String(ids[0])}.${Date.UTC(2026, 0, 1) / 1_000}.body`
    expect(seen[0]?.headers['webhook-signature']).toBe(
      `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
    )
  })
})

test('what the other side refuses is for good, and what it cannot take now is not', async () => {
  const { url } = await openServer(status(422), status(503))
  const post = open(url)
  await expect(post(message('a', 'x'))).rejects.toMatchObject({ name: 'UnrecoverableError', reason: 'webhook-422' })
  await expect(post(message('a', 'x'))).rejects.toMatchObject({ name: 'WebhookError', reason: 'webhook-503' })
})

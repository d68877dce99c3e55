import { createServer } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { openServer, status } from '../src/testing-http-server.ts'
import { createWebhook, type WebhookOptions } from '../src/webhook.ts'

const open = (url: string, changed: Partial<WebhookOptions> = {}) => {
  const outcomes: string[] = []
  const webhook = createWebhook({
    url,
    timeoutMs: 10_000,
    attempts: 1,
    clock: drivenClock(0),
    random: () => 0.5,
    onRequest: (outcome) => outcomes.push(outcome),
    ...changed,
  })
  const { signal } = new AbortController()
  const post = () => webhook({ id: 'r1', headers: {}, body: Buffer.from('x') }, signal)
  return { outcomes, post }
}

/** Answers each look-up with the next list of addresses. */
const names = (...answers: string[][]) => {
  const asked: string[] = []
  const lookup: LookupFunction = (hostname, _, callback) => {
    asked.push(hostname)
    const addresses = answers.shift() ?? []
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  return { asked, lookup }
}

/** A server on every address of this machine, whose connections end with the answer. It notes by which address it was reached. */
const openEverywhere = async (...locations: (string | undefined)[]) => {
  const reached: (string | undefined)[] = []
  const server = createServer(({ socket }, response) => {
    reached.push(socket.localAddress)
    const location = locations.shift()
    response.writeHead(location === undefined ? 200 : 307, { connection: 'close', ...(location && { location }) }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  onTestFinished(() => void server.close())
  return { reached, port: (server.address() as AddressInfo).port }
}

describe('a private address', () => {
  test('in the URL is refused before a connection', async () => {
    const { seen, url } = await openServer(status(200))
    const { post, outcomes } = open(url)
    await expect(post()).rejects.toMatchObject({ reason: 'webhook-refused', retryable: true })
    await expect(post()).rejects.toThrow(
      /has the private address 127\.0\.0\.1: allow its network, or give a public URL/,
    )
    expect(outcomes).toEqual(['refused', 'refused'])
    expect(seen).toEqual([])
  })

  test.each(['127.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]', 'localhost', 'LOCALHOST'])(
    'is refused as %s, too',
    async (host) => {
      const { reached, port } = await openEverywhere()
      await expect(open(`http://${host}:${port}/`).post()).rejects.toMatchObject({ reason: 'webhook-refused' })
      expect(reached).toEqual([])
    },
  )

  test('of a name is refused', async () => {
    const { reached, port } = await openEverywhere()
    const { lookup } = names(['127.0.0.1'])
    const { post } = open(`http://hooks.example:${port}/`, { lookup })
    await expect(post()).rejects.toThrow(/127\.0\.0\.1/)
    expect(reached).toEqual([])
  })

  test('is reached where its network is allowed', async () => {
    const { reached, port } = await openEverywhere()
    const { lookup } = names(['127.0.0.2'])
    await open(`http://hooks.example:${port}/`, { lookup, allowNetworks: ['127.0.0.2/32'] }).post()
    await open(`http://127.0.0.2:${port}/`, { allowNetworks: ['127.0.0.2/32'] }).post()
    expect(reached).toEqual(['127.0.0.2', '127.0.0.2'])
  })

  test('among others of a name is left out', async () => {
    const { reached, port } = await openEverywhere()
    const { lookup } = names(['127.0.0.1', '::1', '127.0.0.2'])
    await open(`http://hooks.example:${port}/`, { lookup, allowNetworks: ['127.0.0.2'] }).post()
    expect(reached).toEqual(['127.0.0.2'])
  })

  test('that a name has only at its second connection is refused', async () => {
    const { reached, port } = await openEverywhere()
    const { lookup, asked } = names(['127.0.0.2'], ['127.0.0.1'])
    const { post } = open(`http://rebind.example:${port}/`, { lookup, allowNetworks: ['127.0.0.2'] })
    await post()
    await expect(post()).rejects.toMatchObject({ reason: 'webhook-refused' })
    expect(asked).toEqual(['rebind.example', 'rebind.example'])
    expect(reached).toEqual(['127.0.0.2'])
  })

  test('that a name has only after a redirect to itself is refused', async () => {
    const { reached, port } = await openEverywhere('/moved')
    const { lookup } = names(['127.0.0.2'], ['127.0.0.1'])
    const { post } = open(`http://rebind.example:${port}/`, { lookup, allowNetworks: ['127.0.0.2'] })
    await expect(post()).rejects.toMatchObject({ reason: 'webhook-refused' })
    expect(reached).toEqual(['127.0.0.2'])
  })

  test('is not reached by a redirect, also where it is allowed', async () => {
    const { reached, port } = await openEverywhere(
      'http://169.254.169.254/latest/meta-data/',
      '//127.0.0.3/',
      'http://127.0.0.3:9/',
    )
    const { post } = open(`http://127.0.0.2:${port}/`, { allowNetworks: ['127.0.0.0/8', '169.254.0.0/16'] })
    for (let index = 0; index < 3; index += 1) {
      await expect(post()).rejects.toMatchObject({ reason: 'webhook-307', retryable: false })
    }
    expect(reached).toEqual(['127.0.0.2', '127.0.0.2', '127.0.0.2'])
  })
})

import { cutProxy } from '@armature/servers/cut-proxy'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectClient } from '../src/client.ts'
import { openSkeleton, skeletonGuarantees } from '../src/driver.ts'
import { skeletonSettings } from '../src/settings.ts'
import { startFakeServer, type FakeServer } from './fake-server.ts'

const maxMessageBytes = 100_000
const connectWaitMs = 5_000
let server: FakeServer

beforeAll(async () => {
  server = await startFakeServer()
})
afterAll(() => server?.stop())

const openAt = (url: string, options = '') => openSkeleton(`${url}?maxMessageBytes=${maxMessageBytes}${options}`)

messagingConformance('skeleton', {
  ...skeletonGuarantees,
  maxMessageBytes,
  browser: true,
  open: () => openAt(server.url),
  openKillable: async () => {
    const proxy = await cutProxy(server.url)
    return { driver: await openAt(proxy.url, '&closeWaitMs=1000'), kill: () => proxy.cut() }
  },
  openCuttable: async () => {
    const proxy = await cutProxy(server.url)
    return { driver: await openAt(proxy.url), cut: () => proxy.breakOff() }
  },
  openRestartable: async () => {
    const own = await startFakeServer()
    return { ...own, open: ({ publishWaitMs = 30_000 }) => openAt(own.url, `&publishWaitMs=${publishWaitMs}`) }
  },
  publishRaw: async (topic, headers, body) => {
    const client = await connectClient(skeletonSettings(server.url).address, connectWaitMs)
    await client.publish(topic, [{ headers, body: Buffer.from(body).toString('base64') }])
    client.close()
  },
})

const refused: [url: string, problem: string][] = [
  ['skeleton://a,b', 'names 2 hosts: name one'],
  ['skeleton://a/b', 'has a path'],
  ['skeleton://user:canary@a', 'has credentials'],
  ['skeleton://a?tls=true', 'asks for TLS'],
  ['skeleton://a?maxMessageBytes=0', 'maxMessageBytes of 0'],
]
test.each(refused)('the URL %s is refused', async (url, problem) => {
  const error: unknown = await openSkeleton(url).catch((reason: unknown) => reason)
  expect(String(error)).toContain(problem)
  expect(String(error)).not.toContain('canary')
})

test('a server that is not there is named, within connectWaitMs', async () => {
  const opening = openSkeleton('skeleton://127.0.0.1:1?connectWaitMs=200')
  await expect(opening).rejects.toThrow('the server at 127.0.0.1:1 cannot be reached (ECONNREFUSED)')
})

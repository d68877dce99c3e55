import { afterAll, beforeAll } from 'vitest'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startRedis } from '@armature/servers/redis'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { openRedis, redisGuarantees } from '../src/driver.ts'
import { cutProxy } from '@armature/servers/cut-proxy'
import { rawRedis, type RawRedis } from './raw.ts'

const maxMessageBytes = 100_000
let server: string
let raw: RawRedis

beforeAll(async () => {
  server = await serverUrl('redis')
  raw = await rawRedis(server)
}, serverDeadlineMs)
afterAll(() => raw?.close())

messagingConformance('redis', {
  ...redisGuarantees,
  maxMessageBytes,
  open: () => openRedis(`${server}?maxMessageBytes=${maxMessageBytes}`),
  publishRaw: async (topic, _, body) => void (await raw.send(['PUBLISH', topic, Buffer.from(body)])),
  rawHeaders: false,
  openCuttable: async () => {
    const proxy = await cutProxy(server)
    return { driver: await openRedis(proxy.url), cut: () => proxy.breakOff() }
  },
  openRestartable: async () => {
    const own = await startRedis()
    return { ...own, open: ({ publishWaitMs = 30_000 }) => openRedis(`${own.url}?publishWaitMs=${publishWaitMs}`) }
  },
})

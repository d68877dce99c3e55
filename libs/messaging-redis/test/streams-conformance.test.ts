import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startRedis } from '@armature/servers/redis'
import { afterAll, beforeAll } from 'vitest'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { openRedisStreams, redisStreamsGuarantees } from '../src/streams-driver.ts'
import { cutProxy } from '@armature/servers/cut-proxy'
import { rawRedis, streamsUrl, type RawRedis } from './raw.ts'

const maxMessageBytes = 100_000
const options = `maxMessageBytes=${maxMessageBytes}&claimIdleMs=1000`
let server: string
let raw: RawRedis

beforeAll(async () => {
  server = await serverUrl('redis')
  raw = await rawRedis(server)
}, serverDeadlineMs)
afterAll(() => raw?.close())

messagingConformance('redis-streams', {
  ...redisStreamsGuarantees,
  maxMessageBytes,
  browser: true,
  open: () => openRedisStreams(streamsUrl(server, options)),
  openKillable: async () => {
    const proxy = await cutProxy(server)
    const driver = await openRedisStreams(streamsUrl(proxy.url, `${options}&closeWaitMs=1000`))
    return { driver, kill: () => proxy.cut() }
  },
  openCuttable: async () => {
    const proxy = await cutProxy(server)
    return { driver: await openRedisStreams(streamsUrl(proxy.url, options)), cut: () => proxy.breakOff() }
  },
  publishRaw: async (topic, headers, body) => {
    await raw.send(['XADD', `armature:${topic}`, '*', ...Object.entries(headers).flat(), 'body', Buffer.from(body)])
  },
  openRestartable: async () => {
    const own = await startRedis()
    return {
      ...own,
      open: ({ publishWaitMs = 30_000 }) =>
        openRedisStreams(streamsUrl(own.url, `${options}&publishWaitMs=${publishWaitMs}`)),
    }
  },
})

import { startRedis } from '@armature/servers/redis'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll } from 'vitest'
import { messagingConformance } from '../src/conformance.ts'
import { openRedisStreams, redisStreamsGuarantees } from '../src/redis-streams.ts'
import { cutProxy } from './cut-proxy.ts'
import { rawRedis, type RawRedis } from './redis-raw.ts'

const maxMessageBytes = 100_000
const options = `maxMessageBytes=${maxMessageBytes}&claimIdleMs=1000`
let server: RunningServer
let raw: RawRedis

beforeAll(async () => {
  server = await startRedis()
  raw = await rawRedis(server.url)
}, 600_000)
afterAll(async () => {
  raw?.close()
  await server?.stop()
})

const streamsUrl = (url: string) => url.replace('redis:', 'redis-streams:')

messagingConformance('redis-streams', {
  ...redisStreamsGuarantees,
  maxMessageBytes,
  browser: true,
  open: () => openRedisStreams(`${streamsUrl(server.url)}?${options}`),
  openKillable: async () => {
    const { hostname, port } = new URL(server.url)
    const proxy = await cutProxy(hostname, Number(port))
    const driver = await openRedisStreams(`redis-streams://127.0.0.1:${proxy.port}?${options}&closeWaitMs=1000`)
    return { driver, kill: () => proxy.cut() }
  },
  publishRaw: async (topic, headers, body) => {
    await raw.send(['XADD', `armature:${topic}`, '*', ...Object.entries(headers).flat(), 'body', Buffer.from(body)])
  },
  openRestartable: async () => {
    const own = await startRedis()
    return {
      ...own,
      open: ({ publishWaitMs = 30_000 }) =>
        openRedisStreams(`${streamsUrl(own.url)}?${options}&publishWaitMs=${publishWaitMs}`),
    }
  },
})

import { afterAll, beforeAll } from 'vitest'
import type { RunningServer } from '@armature/servers/server'
import { startRedis } from '@armature/servers/redis'
import { messagingConformance } from '../src/conformance.ts'
import { openRedis, redisGuarantees } from '../src/redis.ts'
import { rawRedis, type RawRedis } from './redis-raw.ts'

const maxMessageBytes = 100_000
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

messagingConformance('redis', {
  ...redisGuarantees,
  maxMessageBytes,
  open: () => openRedis(`${server.url}?maxMessageBytes=${maxMessageBytes}`),
  publishRaw: async (topic, _, body) => void (await raw.send(['PUBLISH', topic, Buffer.from(body)])),
  rawHeaders: false,
  openRestartable: async () => {
    const own = await startRedis()
    return { ...own, open: ({ publishWaitMs = 30_000 }) => openRedis(`${own.url}?publishWaitMs=${publishWaitMs}`) }
  },
})

import { lostDeliveries } from '@armature/messaging-kit/conformance-lost-deliveries'
import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { describe, onTestFinished } from 'vitest'
import { openRedisStreams } from '../src/streams-driver.ts'
import { rawRedis, streamsUrl } from './raw.ts'

describe.skipIf(skipped('redis'))('after lost connections', () => {
  serialAfterLoss(
    'redis-streams',
    async () => {
      const proxy = await cutProxy((await serverUrl('redis')).replace(/^redis:/, 'redis-streams:'))
      return { driver: await openRedisStreams(proxy.url), breakOff: () => proxy.breakOff() }
    },
    serverDeadlineMs,
  )

  lostDeliveries(
    'redis-streams',
    async () => {
      const url = await serverUrl('redis')
      const proxy = await cutProxy(streamsUrl(url, 'claimIdleMs=1000'))
      const raw = await rawRedis(url)
      onTestFinished(() => raw.close())
      return {
        driver: await openRedisStreams(proxy.url),
        publisher: await openRedisStreams(streamsUrl(url)),
        swallow: proxy.swallow,
        breakOff: proxy.breakOff,
        undelivered: async (topic) => {
          const [info] = await raw.send<{ lag: number }[]>(['XINFO', 'GROUPS', `armature:${topic}`])
          return info?.lag ?? 0
        },
      }
    },
    serverDeadlineMs,
  )
})

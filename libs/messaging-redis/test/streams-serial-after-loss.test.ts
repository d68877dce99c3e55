import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { describe } from 'vitest'
import { openRedisStreams } from '../src/streams-driver.ts'

describe.skipIf(skipped('redis'))('after lost connections', () => {
  serialAfterLoss(
    'redis-streams',
    async () => {
      const proxy = await cutProxy((await serverUrl('redis')).replace(/^redis:/, 'redis-streams:'))
      return { driver: await openRedisStreams(proxy.url), breakOff: () => proxy.breakOff() }
    },
    serverDeadlineMs,
  )
})

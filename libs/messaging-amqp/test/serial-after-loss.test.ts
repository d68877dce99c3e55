import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { describe } from 'vitest'
import { openAmqp } from '../src/driver.ts'

describe.skipIf(skipped('rabbitmq'))('after lost connections', () => {
  serialAfterLoss(
    'amqp',
    async () => {
      const proxy = await cutProxy(await serverUrl('rabbitmq'))
      return { driver: await openAmqp(proxy.url), breakOff: () => proxy.breakOff() }
    },
    serverDeadlineMs,
  )
})

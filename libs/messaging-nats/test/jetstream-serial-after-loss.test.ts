import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { describe } from 'vitest'
import { openJetstream } from '../src/jetstream-driver.ts'

describe.skipIf(skipped('nats'))('after lost connections', () => {
  serialAfterLoss(
    'jetstream',
    async () => {
      const proxy = await cutProxy((await serverUrl('nats')).replace(/^nats:/, 'jetstream:'))
      return { driver: await openJetstream(`${proxy.url}?ackWaitMs=1000`), breakOff: () => proxy.breakOff() }
    },
    serverDeadlineMs,
  )
})

import { lostDeliveries } from '@armature/messaging-kit/conformance-lost-deliveries'
import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect as connectRaw } from '@nats-io/transport-node'
import { describe, onTestFinished } from 'vitest'
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

  lostDeliveries(
    'jetstream',
    async () => {
      const url = await serverUrl('nats')
      const proxy = await cutProxy(url.replace(/^nats:/, 'jetstream:'))
      const raw = await connectRaw({ servers: new URL(url).host })
      const jsm = await jetstreamManager(raw)
      onTestFinished(() => raw.close())
      return {
        driver: await openJetstream(`${proxy.url}?ackWaitMs=1000`),
        publisher: await openJetstream(url.replace(/^nats:/, 'jetstream:')),
        swallow: proxy.swallow,
        breakOff: proxy.breakOff,
        undelivered: async (topic) => {
          const [consumer] = await jsm.consumers.list(topic.split('.', 1)[0] ?? '').next()
          return consumer?.num_pending ?? 0
        },
      }
    },
    serverDeadlineMs,
  )
})

import { lostDeliveries } from '@armature/messaging-kit/conformance-lost-deliveries'
import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { cutProxy } from '@armature/servers/cut-proxy'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { Connection } from 'rabbitmq-client'
import { describe, onTestFinished } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { groupQueue } from '../src/names.ts'
import { amqpSettings } from '../src/settings.ts'

describe.skipIf(skipped('rabbitmq'))('after lost connections', () => {
  serialAfterLoss(
    'amqp',
    async () => {
      const proxy = await cutProxy(await serverUrl('rabbitmq'))
      return { driver: await openAmqp(proxy.url), breakOff: () => proxy.breakOff() }
    },
    serverDeadlineMs,
  )

  lostDeliveries(
    'amqp',
    async () => {
      const url = await serverUrl('rabbitmq')
      const proxy = await cutProxy(url)
      const raw = new Connection(url)
      onTestFinished(() => raw.close())
      return {
        driver: await openAmqp(proxy.url),
        publisher: await openAmqp(url),
        swallow: proxy.swallow,
        breakOff: proxy.breakOff,
        undelivered: async (topic, group) => {
          const queue = groupQueue(amqpSettings(url), group, topic)
          return (await raw.queueDeclare({ queue, passive: true })).messageCount
        },
      }
    },
    serverDeadlineMs,
  )
})

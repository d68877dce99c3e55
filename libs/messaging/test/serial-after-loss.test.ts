import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { afterEach, describe, expect, test } from 'vitest'
import { recorder, uniqueTopic } from '../src/conformance-fixture.ts'
import { message } from '../src/message.ts'
import { openDriver } from '../src/open.ts'
import type { Delivery, Driver } from '../src/ports.ts'
import { cutProxy } from './cut-proxy.ts'
import { cuttableSockets, eventually } from './kafka-fixture.ts'
import { openKafka } from '../src/kafka.ts'

let open: Driver[] = []
afterEach(async () => {
  const drivers = open
  open = []
  await Promise.all(drivers.map((driver) => driver.close()))
})

const keep = (driver: Driver): Driver => {
  open.push(driver)
  return driver
}

/** A driver, and what ends all its connections at once, each time. */
const kinds = {
  rabbitmq: async () => {
    const proxy = await cutProxy(await serverUrl('rabbitmq'))
    return { driver: await openDriver(proxy.url), breakOff: () => proxy.breakOff() }
  },
  kafka: async () => {
    const { sockets, cut } = cuttableSockets()
    return { driver: await openKafka(await serverUrl('kafka'), { sockets, warn: () => undefined }), breakOff: cut }
  },
  nats: async () => {
    const url = (await serverUrl('nats')).replace(/^nats:/, 'jetstream:')
    const proxy = await cutProxy(url)
    return { driver: await openDriver(`${proxy.url}?ackWaitMs=1000`), breakOff: () => proxy.breakOff() }
  },
  redis: async () => {
    const url = (await serverUrl('redis')).replace(/^redis:/, 'redis-streams:')
    const proxy = await cutProxy(url)
    return { driver: await openDriver(proxy.url), breakOff: () => proxy.breakOff() }
  },
} as const

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])('after lost connections, on %s', (kind) => {
  test.skipIf(skipped(kind))(
    'bug: two handlers are at work on one key: firing, resolved, firing',
    { timeout: serverDeadlineMs },
    async () => {
      const topic = uniqueTopic()
      const { driver, breakOff } = await kinds[kind]()
      keep(driver)
      const atWork = new Map<string, number>()
      let most = 0
      let holds = true
      const release: (() => void)[] = []
      const started: Delivery[] = []
      const seen = recorder(async (delivery) => {
        const key = delivery.key ?? ''
        started.push(delivery)
        const now = (atWork.get(key) ?? 0) + 1
        atWork.set(key, now)
        most = Math.max(most, now)
        // It does not heed its signal: what it began goes on.
        if (holds) await new Promise<void>((resolve) => release.push(resolve))
        atWork.set(key, (atWork.get(key) ?? 1) - 1)
      })
      await driver.subscribe(topic, seen.handle, { group: `g-${topic}`, serial: 'key', redeliveryDelayMs: 10 })
      const states = ['firing', 'resolved']
      await driver.publish(
        topic,
        states.map((id) => message(topic, id, { id, key: 'alert' })),
      )
      await eventually(() => expect(started).toHaveLength(1))
      for (let losses = 0; losses < 2; losses++) {
        breakOff()
        // A message of another key that arrives shows that the connection is there again.
        const id = `after-${losses}`
        await driver.publish(topic, [message(topic, id, { id, key: id })])
        await eventually(() => expect(started.map((each) => each.id)).toContain(id))
      }
      expect(most).toBe(1)
      holds = false
      for (const resolve of release) resolve()
      await eventually(() => expect(seen.acked.map(({ id }) => id)).toContain('resolved'))
      expect(most).toBe(1)
      const order = started.filter(({ key }) => key === 'alert').map(({ id }) => id)
      // Each may come several times, and no older state after a newer one.
      expect(order.indexOf('resolved')).toBeGreaterThan(order.lastIndexOf('firing'))
    },
  )
})

import { message } from '@armature/messaging/message'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { expect, onTestFinished, test, vi } from 'vitest'
import { recorder, uniqueTopic } from './conformance-fixture.ts'

/** Opens a driver of which all connections can be ended at once, each time. */
export type OpenBreakable = () => Promise<{ readonly driver: Driver; breakOff(): unknown }>

const eventually = (assertion: () => void) => vi.waitFor(assertion, { timeout: 10_000, interval: 10 })

/** A test: with `serial`, connections that are lost bring no second handler to work on a key. It may take `timeoutMs`. */
export const serialAfterLoss = (scheme: string, open: OpenBreakable, timeoutMs: number): void => {
  test(
    `bug: two handlers are at work on one key after lost connections: firing, resolved, firing: ${scheme}`,
    { timeout: timeoutMs },
    async () => {
      const topic = uniqueTopic()
      const { driver, breakOff } = await open()
      onTestFinished(() => driver.close())
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
}

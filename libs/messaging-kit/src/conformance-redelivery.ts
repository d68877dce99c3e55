import { describe, expect } from 'vitest'
import {
  drain,
  idsOf,
  numbered,
  numberOf,
  recorder,
  turnstile,
  uniqueTopic,
  type Conformance,
} from './conformance-fixture.ts'
import { elementAt } from '@armature/async/element-at'

export const redeliveryConformance = ({
  options,
  connect,
  connectKillable,
  eventually,
  declared,
}: Conformance): void => {
  const { atLeastOnce, groups, delay, openKillable } = options
  const kills = openKillable !== undefined

  describe('redelivery', () => {
    declared(
      atLeastOnce,
      'a rejected message comes again until it is acknowledged, and counts its attempts',
      async () => {
        const topic = uniqueTopic()
        const driver = await connect()
        const seen = recorder(async ({ attempt }) => {
          if (attempt < 4) throw new Error('not yet')
        })
        await driver.subscribe(topic, seen.handle, { redeliveryDelayMs: 10 })
        await driver.publish(topic, numbered(topic, 1))
        await eventually(() => expect(seen.acked).toHaveLength(1))
        expect(seen.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
      },
    )

    declared(atLeastOnce, 'a handler that throws at once rejects', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const attempts: number[] = []
      await driver.subscribe(
        topic,
        ({ attempt }) => {
          attempts.push(attempt)
          if (attempt === 1) throw new Error('at once')
          return Promise.resolve()
        },
        { redeliveryDelayMs: 10 },
      )
      await driver.publish(topic, numbered(topic, 1))
      await eventually(() => expect(attempts).toEqual([1, 2]))
    })

    declared(atLeastOnce && delay, 'a rejected message waits its delay, the others do not', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const redeliveryDelayMs = 300
      const at: number[] = []
      const seen = recorder(async (delivery) => {
        if (numberOf(delivery) !== 0) return
        at.push(performance.now())
        if (delivery.attempt === 1) throw new Error('later')
      })
      await driver.subscribe(topic, seen.handle, { redeliveryDelayMs })
      await driver.publish(topic, numbered(topic, 10))
      await eventually(() => expect(seen.acked).toHaveLength(10))
      expect(seen.acked.map(numberOf).at(-1)).toBe(0)
      // Timers may fire up to a millisecond early.
      expect(elementAt(at, 1) - elementAt(at, 0)).toBeGreaterThanOrEqual(redeliveryDelayMs - 2)
    })

    declared(
      atLeastOnce && groups && kills,
      'what a killed consumer had unsettled goes to another of its group',
      async () => {
        const topic = uniqueTopic()
        const group = `g-${topic}`
        const [publisher, victim, heir] = [await connect(), await connectKillable(), await connect()]
        const dying = recorder((delivery) =>
          numberOf(delivery) % 2 === 0 ? Promise.resolve() : new Promise(() => undefined),
        )
        await victim.driver.subscribe(topic, dying.handle, { group })
        const messages = numbered(topic, 50, ['a', 'b', 'c', 'd', 'e'])
        await publisher.publish(topic, messages)
        await eventually(() => expect([dying.acked.length, dying.unsettled]).toEqual([25, 25]))
        await victim.kill()
        const seen = recorder()
        await heir.subscribe(topic, seen.handle, { group })
        const later = numbered(topic, 5, ['a', 'b', 'c', 'd', 'e'])
        await publisher.publish(topic, later)
        const due = idsOf([...messages.filter((each) => numberOf(each) % 2 === 1), ...later])
        await eventually(() => expect(seen.ids()).toEqual(expect.arrayContaining(due)))
      },
    )

    declared(atLeastOnce && groups, 'what was acknowledged before does not come again after a close', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const [driver, heir] = [await connect(), await connect()]
      const first = recorder()
      const subscription = await driver.subscribe(topic, first.handle, { group })
      const messages = numbered(topic, 20, ['k'])
      await driver.publish(topic, messages)
      await eventually(() => expect(first.acked).toHaveLength(20))
      await drain(subscription)
      const second = recorder()
      await heir.subscribe(topic, second.handle, { group })
      const marker = numbered(topic, 1, ['k'])
      await driver.publish(topic, marker)
      await eventually(() => expect(second.ids()).toContain(elementAt(marker, 0).id))
      expect(second.ids()).toEqual(idsOf(marker))
    })

    declared(atLeastOnce && groups, 'a handler that resolves after its close has acknowledged nothing', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const [driver, heir] = [await connect(), await connect()]
      const gate = turnstile()
      const zombie = recorder(() => gate.pass())
      const subscription = await driver.subscribe(topic, zombie.handle, { group })
      const messages = numbered(topic, 5, ['k'])
      await driver.publish(topic, messages)
      await eventually(() => expect(zombie.unsettled).toBe(5))
      await subscription.close()
      expect(subscription.inFlight).toBe(0)
      gate.open()
      await eventually(() => expect(zombie.unsettled).toBe(0))
      const seen = recorder()
      await heir.subscribe(topic, seen.handle, { group })
      await eventually(() => expect(seen.ids()).toEqual(idsOf(messages)))
    })

    declared(atLeastOnce && groups, 'the books balance', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const driver = await connect()
      const seen = recorder(async (delivery) => {
        if (numberOf(delivery) % 3 === 0 && delivery.attempt === 1) throw new Error('once')
      })
      const subscription = await driver.subscribe(topic, seen.handle, { group, redeliveryDelayMs: 10 })
      const messages = numbered(topic, 90)
      await driver.publish(topic, messages)
      await eventually(() => expect(seen.acked).toHaveLength(90))
      await subscription.stop()
      await subscription.idle()
      expect(subscription.inFlight).toBe(0)
      expect(seen.deliveries).toHaveLength(seen.acked.length + seen.rejected)
      expect(seen.rejected).toBe(30)
      expect(new Set(idsOf(seen.acked))).toEqual(new Set(idsOf(messages)))
    })
  })
}

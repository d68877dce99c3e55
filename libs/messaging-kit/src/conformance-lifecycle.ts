import { describe, expect, test } from 'vitest'
import {
  idsOf,
  numbered,
  publishAside,
  recorder,
  turnstile,
  uniqueTopic,
  type Conformance,
} from './conformance-fixture.ts'
import { elementAt } from '@armature/async/element-at'
import { PublishError, SubscribeError } from '@armature/messaging/errors'

export const lifecycleConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { groups, atLeastOnce, closeWaitMs = 5_000 } = options

  describe('stop and close', () => {
    test('after stop no handler is called, and those under way settle', async () => {
      const topic = uniqueTopic()
      const [driver, witness] = [await connect(), await connect()]
      const gate = turnstile()
      const seen = recorder(() => gate.pass())
      const subscription = await driver.subscribe(topic, seen.handle)
      await driver.publish(topic, numbered(topic, 3, ['k']))
      await eventually(() => expect(seen.unsettled).toBe(3))
      await subscription.stop()
      await subscription.stop()
      const other = recorder()
      await witness.subscribe(topic, other.handle)
      await driver.publish(topic, numbered(topic, 3, ['k']))
      await eventually(() => expect(other.acked).toHaveLength(3))
      expect(seen.deliveries).toHaveLength(3)
      expect(elementAt(seen.deliveries, 0).signal.aborted).toBe(false)
      let idle = false
      const waited = subscription.idle().then(() => (idle = true))
      expect(subscription.inFlight).toBe(3)
      gate.one()
      await eventually(() => expect(subscription.inFlight).toBe(2))
      expect(idle).toBe(false)
      gate.open()
      await waited
      expect(subscription.inFlight).toBe(0)
    })

    test('idle resolves at once where nothing is in flight', async () => {
      const driver = await connect()
      const subscription = await driver.subscribe(uniqueTopic(), async () => undefined)
      await subscription.idle()
    })

    test('close does not wait for a handler that hangs; it aborts its signal', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder(() => new Promise(() => undefined))
      const subscription = await driver.subscribe(topic, seen.handle)
      await driver.publish(topic, numbered(topic, 2))
      await eventually(() => expect(seen.unsettled).toBe(2))
      const idle = subscription.idle()
      await subscription.close()
      await idle
      expect(subscription.inFlight).toBe(0)
      expect(seen.deliveries.every(({ signal }) => signal.aborted)).toBe(true)
    })

    test('closing the connection closes its subscriptions, also while a handler hangs', async () => {
      const topic = uniqueTopic()
      const [driver, publisher] = [await connect(), await connect()]
      const seen = recorder(() => new Promise(() => undefined))
      const subscription = await driver.subscribe(topic, seen.handle)
      await publisher.publish(topic, numbered(topic, 2))
      await eventually(() => expect(seen.unsettled).toBe(2))
      const closingMs = performance.now()
      await driver.close()
      expect(performance.now() - closingMs).toBeLessThan(closeWaitMs + 1_000)
      expect(subscription.inFlight).toBe(0)
      const [before] = [seen.deliveries.length]
      await publishAside(publisher, topic, numbered(topic, 2))
      await publisher.close()
      expect(seen.deliveries).toHaveLength(before)
    })

    test('close can be called twice, at once and later, on everything', async () => {
      const driver = await connect()
      const subscription = await driver.subscribe(uniqueTopic(), async () => undefined)
      await Promise.all([subscription.close(), subscription.close()])
      await Promise.all([driver.close(), driver.close()])
      await driver.close()
      await subscription.close()
      await subscription.stop()
      await subscription.idle()
    })

    test('publish and subscribe after close are refused', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      await driver.close()
      const refused = driver.publish(topic, numbered(topic, 1))
      await expect(refused).rejects.toThrow(PublishError)
      await expect(refused).rejects.toMatchObject({ fault: 'closed' })
      await expect(driver.subscribe(topic, async () => undefined)).rejects.toThrow(SubscribeError)
    })

    declared(atLeastOnce && groups, 'what was published before close is there after it', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const [consumer, publisher] = [await connect(), await connect()]
      const seen = recorder()
      await consumer.subscribe(topic, seen.handle, { group })
      const messages = numbered(topic, 100)
      const publishing = messages.map((each) => publisher.publish(topic, [each]))
      await publisher.close()
      await Promise.all(publishing)
      await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
    })

    declared(atLeastOnce && groups, 'what a stopped member does not take, another takes', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const [one, two] = [await connect(), await connect()]
      const gate = turnstile()
      const first = recorder(async () => {
        await gate.pass()
        throw new Error('not me')
      })
      const subscription = await one.subscribe(topic, first.handle, { group, maxInFlight: 2, redeliveryDelayMs: 10 })
      const messages = numbered(topic, 10, ['k'])
      await one.publish(topic, messages)
      await eventually(() => expect(first.unsettled).toBe(2))
      await subscription.stop()
      const second = recorder()
      await two.subscribe(topic, second.handle, { group })
      gate.open()
      await eventually(() => expect(second.ids().sort()).toEqual(idsOf(messages).sort()))
      expect(first.deliveries).toHaveLength(2)
    })
  })
}

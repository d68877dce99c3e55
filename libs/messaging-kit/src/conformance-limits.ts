import { describe, expect, test } from 'vitest'
import { numbered, recorder, turnstile, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { PublishError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'

export const limitConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { maxMessageBytes, atLeastOnce } = options

  describe('bounds', () => {
    test('never more than maxInFlight messages are unsettled', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const gate = turnstile()
      const seen = recorder(() => gate.pass())
      const subscription = await driver.subscribe(topic, seen.handle, { maxInFlight: 5 })
      await driver.publish(topic, numbered(topic, 60, ['a', 'b', 'c', 'd']))
      await eventually(() => expect(seen.unsettled).toBe(5))
      expect(subscription.inFlight).toBe(5)
      for (let settled = 1; settled <= 20; settled++) {
        gate.one()
        await eventually(() => expect(seen.deliveries.length).toBe(5 + settled))
      }
      gate.open()
      await eventually(() => expect(seen.ids()).toHaveLength(60))
      await eventually(() => expect(subscription.inFlight).toBe(0))
      expect(seen.most.unsettled).toBe(5)
    })

    test('never more than maxInFlightBytes are unsettled, but a larger message still comes, alone', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const large = 5_000
      const alone: boolean[] = []
      const seen = recorder(async ({ body }) => {
        if (body.byteLength === large) alone.push(seen.unsettled === 1)
        await new Promise((resolve) => setImmediate(resolve))
        if (body.byteLength === large) alone.push(seen.unsettled === 1)
      })
      await driver.subscribe(topic, seen.handle, { maxInFlightBytes: 1_000 })
      const messages = Array.from({ length: 60 }, (_, index) =>
        message(topic, new Uint8Array(index % 20 === 10 ? large : 300), { key: `k${index % 7}` }),
      )
      await driver.publish(topic, messages)
      await eventually(() => expect(new Set(seen.acked.map(({ id }) => id)).size).toBe(60))
      expect(seen.most.bytes).toBeLessThanOrEqual(1_000)
      expect(seen.most.bytes).toBeGreaterThan(300)
      expect(alone).toEqual(Array.from({ length: 6 }, () => true))
    })

    declared(atLeastOnce, 'a rejected message makes room while it waits', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder(async ({ attempt }) => {
        if (attempt === 1) throw new Error('once')
      })
      await driver.subscribe(topic, seen.handle, { maxInFlight: 1, redeliveryDelayMs: 50 })
      await driver.publish(topic, numbered(topic, 10))
      await eventually(() => expect(seen.acked).toHaveLength(10))
      expect(seen.most.unsettled).toBe(1)
    })

    declared(
      maxMessageBytes !== undefined,
      'a message at the limit arrives whole, one over it is refused',
      async () => {
        const limit = maxMessageBytes ?? 0
        const topic = uniqueTopic()
        const driver = await connect()
        const seen = recorder()
        await driver.subscribe(topic, seen.handle)
        const body = new Uint8Array(limit).map((_, index) => index % 251)
        const over = driver.publish(topic, [message(topic, 'small'), message(topic, new Uint8Array(limit + 1))])
        await expect(over).rejects.toThrow(PublishError)
        await expect(over).rejects.toThrow(String(limit))
        await expect(over).rejects.toMatchObject({ fault: 'too-large', retryable: false })
        await driver.publish(topic, [message(topic, body)])
        const sizes = () => seen.deliveries.map((each) => each.body.byteLength)
        await eventually(() => expect(sizes()).toContain(limit))
        expect(sizes()).not.toContain(limit + 1)
        const whole = seen.deliveries.find((each) => each.body.byteLength === limit)
        expect(Buffer.compare(Buffer.from(whole?.body ?? []), Buffer.from(body))).toBe(0)
      },
    )
  })
}

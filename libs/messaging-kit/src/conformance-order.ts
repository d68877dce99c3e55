import { describe, expect, test } from 'vitest'
import { drain, numbered, numberOf, recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import type { Delivery } from '@armature/messaging/ports'

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

/** The numbers of each key in order of first appearance. */
const byKey = (deliveries: readonly Delivery[]): Map<string, number[]> => {
  const numbers = new Map<string, Set<number>>()
  for (const delivery of deliveries) {
    const of = numbers.get(delivery.key ?? '') ?? new Set()
    numbers.set(delivery.key ?? '', of.add(numberOf(delivery)))
  }
  return new Map([...numbers].map(([key, of]) => [key, [...of]]))
}

const expectOrder = (deliveries: readonly Delivery[]) => {
  for (const [key, numbers] of byKey(deliveries)) {
    expect(numbers, `the order of key ${key}`).toEqual([...numbers].sort((a, b) => a - b))
  }
}

export const orderConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { order, atLeastOnce, groups } = options
  const orderly = order !== 'none'

  describe('order', () => {
    declared(orderly, 'messages of one key arrive in the order of publishing', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      const messages = numbered(topic, 500, keys)
      for (let at = 0; at < 500; at += 25) await driver.publish(topic, messages.slice(at, at + 25))
      await eventually(() => expect(seen.ids()).toHaveLength(500))
      expectOrder(seen.deliveries)
    })

    declared(order === 'topic', 'all messages arrive in the order of publishing', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      await driver.publish(topic, numbered(topic, 200, keys))
      await eventually(() => expect(seen.ids()).toHaveLength(200))
      expect(seen.deliveries.map(numberOf)).toEqual(Array.from({ length: 200 }, (_, index) => index))
    })

    test('a handler need not settle for the next message to arrive', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder(() => new Promise(() => undefined))
      await driver.subscribe(topic, seen.handle)
      await driver.publish(topic, numbered(topic, 20, ['same']))
      await eventually(() => expect(seen.unsettled).toBe(20))
    })

    test('serial: one message of a key at a time, keys side by side', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const current = new Map<string, number>()
      let sideBySide = 0
      const overlaps: string[] = []
      const seen = recorder(async ({ key = '' }) => {
        const count = (current.get(key) ?? 0) + 1
        if (count > 1) overlaps.push(key)
        current.set(key, count)
        sideBySide = Math.max(sideBySide, [...current.values()].filter((each) => each > 0).length)
        await new Promise((resolve) => setImmediate(resolve))
        current.set(key, count - 1)
      })
      await driver.subscribe(topic, seen.handle, { serial: 'key' })
      await driver.publish(topic, numbered(topic, 100, keys))
      await eventually(() => expect(new Set(seen.acked.map(({ id }) => id)).size).toBe(100))
      expect(overlaps).toEqual([])
      expect(sideBySide).toBeGreaterThan(1)
    })

    declared(
      orderly && atLeastOnce,
      'serial: a rejected message comes again before the later ones of its key',
      async () => {
        const topic = uniqueTopic()
        const driver = await connect()
        const seen = recorder(async (delivery) => {
          if ((numberOf(delivery) + delivery.attempt) % 3 === 0) throw new Error('again')
        })
        await driver.subscribe(topic, seen.handle, { serial: 'key', redeliveryDelayMs: 5 })
        await driver.publish(topic, numbered(topic, 100, keys))
        await eventually(() => expect(new Set(seen.acked.map(({ id }) => id)).size).toBe(100))
        expect(seen.rejected).toBeGreaterThan(0)
        expectOrder(seen.deliveries)
        // Not only first appearances: nothing of a key is delivered between a message's attempts.
        for (const key of keys) {
          const numbers = seen.deliveries.filter((each) => each.key === key).map(numberOf)
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
        }
      },
    )

    declared(
      orderly && atLeastOnce && groups,
      'serial: order per key is kept while members join and leave',
      async () => {
        const topic = uniqueTopic()
        const group = `g-${topic}`
        const [publisher, one, two, three] = [await connect(), await connect(), await connect(), await connect()]
        const seen = recorder(async () => new Promise((resolve) => setImmediate(resolve)))
        const subscribe = (driver: typeof one) => driver.subscribe(topic, seen.handle, { group, serial: 'key' })
        const messages = numbered(topic, 600, keys)
        const publish = (from: number, to: number) => publisher.publish(topic, messages.slice(from, to))
        const arrived = (count: number) => eventually(() => expect(seen.ids().length).toBeGreaterThanOrEqual(count))

        const first = await subscribe(one)
        await publish(0, 200)
        await arrived(50)
        const second = await subscribe(two)
        await publish(200, 400)
        await arrived(250)
        await drain(first)
        await subscribe(three)
        await publish(400, 600)
        await arrived(450)
        await second.close()
        await arrived(600)
        expectOrder(seen.deliveries)
      },
    )
  })
}

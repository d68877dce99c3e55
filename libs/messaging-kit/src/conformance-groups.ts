import { describe, expect, test } from 'vitest'
import { idsOf, numbered, recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'

const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`)

export const groupConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { groups, atLeastOnce, membersShare = true } = options

  describe('groups', () => {
    test('without a group each subscriber gets every message', async () => {
      const topic = uniqueTopic()
      const [publisher, one, two] = [await connect(), await connect(), await connect()]
      const [first, second, third] = [recorder(), recorder(), recorder()]
      await one.subscribe(topic, first.handle)
      await two.subscribe(topic, second.handle)
      await two.subscribe(topic, third.handle)
      const messages = numbered(topic, 30, keys)
      await publisher.publish(topic, messages)
      for (const seen of [first, second, third]) {
        await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
      }
    })

    declared(
      groups && membersShare,
      'the members of a group share the messages, each group gets them all',
      async () => {
        const topic = uniqueTopic()
        const [publisher, one, two] = [await connect(), await connect(), await connect()]
        const [first, second, other] = [recorder(), recorder(), recorder()]
        await one.subscribe(topic, first.handle, { group: `g-${topic}` })
        await two.subscribe(topic, second.handle, { group: `g-${topic}` })
        await two.subscribe(topic, other.handle, { group: `h-${topic}` })
        // A member's share begins when its group has made room for it.
        const published: string[] = []
        await eventually(async () => {
          const messages = numbered(topic, 40, keys)
          await publisher.publish(topic, messages)
          published.push(...idsOf(messages))
          expect(first.deliveries.length).toBeGreaterThan(0)
          expect(second.deliveries.length).toBeGreaterThan(0)
        })
        const shared = () => [...first.ids(), ...second.ids()]
        await eventually(() => expect(new Set(shared())).toEqual(new Set(published)))
        await eventually(() => expect(new Set(other.ids())).toEqual(new Set(published)))
      },
    )

    declared(groups, 'members that stay settle their messages once', async () => {
      const topic = uniqueTopic()
      const [one, two] = [await connect(), await connect()]
      const [first, second] = [recorder(), recorder()]
      await one.subscribe(topic, first.handle, { group: `g-${topic}` })
      await two.subscribe(topic, second.handle, { group: `g-${topic}` })
      const shared = () => [...first.deliveries, ...second.deliveries]
      const warmUp = numbered(topic, 40, keys)
      await one.publish(topic, warmUp)
      await eventually(() => expect(new Set(idsOf(shared()))).toEqual(new Set(idsOf(warmUp))))
      const messages = numbered(topic, 200, keys)
      const ids = new Set(idsOf(messages))
      await one.publish(topic, messages)
      await eventually(() => expect(shared().filter(({ id }) => ids.has(id)).length).toBeGreaterThanOrEqual(200))
      expect(
        idsOf(shared())
          .filter((id) => ids.has(id))
          .sort(),
      ).toEqual([...ids].sort())
    })

    declared(groups && atLeastOnce, 'what is published while no member is there waits for the next', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const [publisher, driver] = [await connect(), await connect()]
      const before = recorder()
      const subscription = await driver.subscribe(topic, before.handle, { group })
      await publisher.publish(topic, numbered(topic, 1))
      await eventually(() => expect(before.acked).toHaveLength(1))
      await subscription.stop()
      await subscription.idle()
      await subscription.close()
      const messages = numbered(topic, 10, keys)
      await publisher.publish(topic, messages)
      const after = recorder()
      await driver.subscribe(topic, after.handle, { group })
      await eventually(() => expect(after.ids().sort()).toEqual(idsOf(messages).sort()))
    })
  })
}

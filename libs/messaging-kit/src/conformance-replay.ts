import { describe, expect } from 'vitest'
import { idsOf, numbered, recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { elementAt } from '@armature/async/element-at'

export const replayConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { replay } = options

  describe('where a group starts', () => {
    declared(replay, 'latest: what is published from now on', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      await driver.publish(topic, numbered(topic, 10, ['k']))
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      const later = numbered(topic, 5, ['k'])
      await driver.publish(topic, later)
      await eventually(() => expect(seen.ids()).toHaveLength(5))
      expect(seen.ids()).toEqual(idsOf(later))
    })

    declared(replay, 'earliest: all that is kept, then what follows', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const earlier = numbered(topic, 10, ['k'])
      await driver.publish(topic, earlier)
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { from: 'earliest' })
      await eventually(() => expect(seen.ids()).toEqual(idsOf(earlier)))
      const later = numbered(topic, 5, ['k'])
      await driver.publish(topic, later)
      await eventually(() => expect(seen.ids()).toEqual(idsOf([...earlier, ...later])))
    })

    declared(replay, 'an offset: that message, then what follows', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const messages = numbered(topic, 10, ['k'])
      await driver.publish(topic, messages)
      const all = recorder()
      await driver.subscribe(topic, all.handle, { from: 'earliest' })
      await eventually(() => expect(all.ids()).toHaveLength(10))
      const positions = all.deliveries.map(({ position }) => position)
      expect(new Set(positions.map((at) => `${at?.partition}/${at?.offset}`)).size).toBe(10)
      const sixth = elementAt(positions, 6)
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { from: { offset: sixth.offset } })
      await eventually(() => expect(seen.ids()).toHaveLength(4))
      expect(seen.ids()).toEqual(idsOf(messages.slice(6)))
      expect(elementAt(seen.deliveries, 0).position).toEqual(sixth)
    })

    declared(replay, 'a time: what was stored at or after it', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      await driver.publish(topic, numbered(topic, 5, ['k']))
      // The broker stamps whole milliseconds, and its clock may be a little off: leave some on each side.
      const publishedMs = Date.now()
      await eventually(() => expect(Date.now()).toBeGreaterThan(publishedMs + 5))
      const time = new Date()
      await eventually(() => expect(Date.now()).toBeGreaterThan(time.getTime() + 5))
      const later = numbered(topic, 5, ['k'])
      await driver.publish(topic, later)
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { from: { time } })
      await eventually(() => expect(seen.ids()).toEqual(idsOf(later)))
    })

    declared(replay && options.groups, 'a group that exists goes on where it was', async () => {
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const driver = await connect()
      const first = recorder()
      const subscription = await driver.subscribe(topic, first.handle, { group })
      await driver.publish(topic, numbered(topic, 5, ['k']))
      await eventually(() => expect(first.acked).toHaveLength(5))
      await subscription.stop()
      await subscription.idle()
      await subscription.close()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { group, from: 'earliest' })
      const later = numbered(topic, 1, ['k'])
      await driver.publish(topic, later)
      await eventually(() => expect(seen.ids()).toContain(elementAt(later, 0).id))
      expect(seen.ids()).toEqual(idsOf(later))
    })

    declared(!replay, 'an offset and a time are refused', async () => {
      const driver = await connect()
      const handle = async () => undefined
      await expect(driver.subscribe(uniqueTopic(), handle, { from: { offset: 0 } })).rejects.toThrow('replay')
      await expect(driver.subscribe(uniqueTopic(), handle, { from: { time: new Date() } })).rejects.toThrow('replay')
    })
  })
}

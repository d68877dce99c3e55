import { describe, expect } from 'vitest'
import { compose } from '@armature/messaging/compose'
import { recorder, numbered, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { deadLetter, deadLetterTopic } from '@armature/messaging/dead-letter'
import { elementAt } from '@armature/async/element-at'

/** Says that it is a CloudEvent and is none: it has no id, source and type. */
const undecodable = Buffer.from('{"specversion":"1.0"}')
const structured = { 'content-type': 'application/cloudevents+json' }

/** Tests with messages of an outside client that are no CloudEvents of ours. */
export const outsideConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  const { publishRaw, rawHeaders = true, atLeastOnce, groups } = options
  const raw = publishRaw !== undefined
  const send = async (...args: Parameters<NonNullable<typeof publishRaw>>) => publishRaw?.(...args)

  describe('what outside clients send', () => {
    declared(raw, 'a message that is no CloudEvent arrives as it is', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      await send(topic, { 'x-shop': 'north' }, Buffer.from('{"total":9}'))
      await eventually(() => expect(seen.acked).toHaveLength(1))
      const delivery = elementAt(seen.deliveries, 0)
      expect(Buffer.from(delivery.body).toString()).toBe('{"total":9}')
      expect(delivery).toMatchObject({ topic, undecodable: undefined })
      if (rawHeaders) expect(delivery.headers).toMatchObject({ 'x-shop': 'north' })
      expect(delivery.id).not.toBe('')
      expect(Math.abs(delivery.time.getTime() - Date.now())).toBeLessThan(60_000)
    })

    declared(raw && atLeastOnce && groups, 'its id is the same in each delivery and in each group', async () => {
      const topic = uniqueTopic()
      const [one, two] = [await connect(), await connect()]
      const first = recorder(async ({ attempt }) => {
        if (attempt < 3) throw new Error('again')
      })
      const second = recorder()
      await one.subscribe(topic, first.handle, { group: `g-${topic}`, redeliveryDelayMs: 10 })
      await two.subscribe(topic, second.handle, { group: `h-${topic}` })
      await send(topic, {}, Buffer.from('one'))
      await send(topic, {}, Buffer.from('two'))
      await eventually(() => expect([first.acked.length, second.acked.length]).toEqual([2, 2]))
      expect(first.deliveries).toHaveLength(6)
      expect(first.ids().sort()).toEqual(second.ids().sort())
      expect(first.ids()).toHaveLength(2)
    })

    declared(raw, 'one that cannot be decoded becomes a dead letter, and what follows arrives', async () => {
      const topic = uniqueTopic()
      const [driver, operator] = [await connect(), await connect()]
      const [letters, seen] = [recorder(), recorder()]
      await operator.subscribe(deadLetterTopic(topic), letters.handle)
      const handle = compose(deadLetter({ publisher: driver, handler: 'conformance' }))(seen.handle)
      await driver.subscribe(topic, handle, groups ? { group: `g-${topic}` } : {})
      await send(topic, structured, undecodable)
      await eventually(() => expect(letters.acked).toHaveLength(1))
      const good = numbered(topic, 1)
      await driver.publish(topic, good)
      await eventually(() => expect(seen.acked).toHaveLength(1))
      expect(seen.ids()).toEqual(good.map(({ id }) => id))
      const letter = elementAt(letters.deliveries, 0)
      expect(letter.headers).toMatchObject({ 'dlt-reason': 'undecodable', 'kafka_dlt-original-topic': topic })
      expect(Buffer.from(letter.body).toString()).toBe(undecodable.toString())
    })

    declared(raw, 'without dead-letter middleware the handler sees why, and what it holds', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      await send(topic, structured, undecodable)
      await eventually(() => expect(seen.acked).toHaveLength(1))
      const { undecodable: why, body } = elementAt(seen.deliveries, 0)
      expect(why).toMatchObject({ reason: 'undecodable' })
      expect(Buffer.from(body).toString()).toBe(undecodable.toString())
    })
  })
}

import { describe, expect, test } from 'vitest'
import { compose } from '@armature/messaging/compose'
import { recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { deadLetter, deadLetterTopic } from '@armature/messaging/dead-letter'
import { message, tombstone, type Message } from '@armature/messaging/message'

const invalidUtf8 = Uint8Array.of(0xff, 0x00, 0x80)

const cases: readonly (readonly [name: string, make: (topic: string) => Message])[] = [
  ['a key of bytes', (topic) => message(topic, 'x', { keyBytes: invalidUtf8 })],
  ['bytes beside another key', (topic) => message(topic, 'x', { key: 'k', keyBytes: invalidUtf8 })],
  ['a key with a control character', (topic) => message(topic, 'x', { key: 'a\u0000b\n' })],
  ['an empty key', (topic) => message(topic, 'x', { key: '' })],
  ['no key', (topic) => message(topic, 'x')],
  ['a tombstone', (topic) => tombstone(topic, { key: 'k' })],
  ['an empty body', (topic) => message(topic, '', { key: 'k' })],
]

const partsOf = ({ id, key, keyBytes, body, tombstone }: Message) => ({
  ...{ id, key, tombstone },
  keyBytes: keyBytes && Buffer.from(keyBytes).toString('hex'),
  body: Buffer.from(body).toString(),
})

/** Tests of what Kafka's records have and other protocols do not: keys of bytes, and no value. */
export const recordConformance = ({ options, connect, eventually }: Conformance): void => {
  describe('keys and tombstones', () => {
    test.each(cases)('%s arrives as it was, and as a dead letter and when that is published again', async (_, make) => {
      const topic = uniqueTopic()
      const [driver, operator] = [await connect(), await connect()]
      const letters = recorder(async (letter) => driver.publish(`${topic}.again`, [letter]))
      const again = recorder()
      await operator.subscribe(deadLetterTopic(topic), letters.handle)
      await operator.subscribe(`${topic}.again`, again.handle)
      const seen = recorder(async () => {
        throw new Error('refused')
      })
      const handle = compose(deadLetter({ publisher: driver, handler: 'conformance' }))(seen.handle)
      await driver.subscribe(topic, handle, options.groups ? { group: `g-${topic}` } : {})
      const sent = make(topic)
      await driver.publish(topic, [sent])
      await eventually(() => expect(again.acked).toHaveLength(1))
      for (const { deliveries } of [seen, letters, again]) expect(deliveries.map(partsOf)).toEqual([partsOf(sent)])
    })
  })
}

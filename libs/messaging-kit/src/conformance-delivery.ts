import { describe, expect, test } from 'vitest'
import { subscribeBatch } from '@armature/messaging/batch'
import type { Outcome } from '@armature/messaging/batches'
import { idsOf, numbered, numberOf, recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { elementAt } from '@armature/async/element-at'
import { bodyText, message, type Message } from '@armature/messaging/message'
import { messagesOf, partOfRun } from '@armature/messaging/message-run'
import { publishRun } from '@armature/messaging/publish-run'
import { runOf } from '@armature/messaging/testing-message-run'

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
/** Text for attributes: a CloudEvent has no control characters in them. */
const printable = 'žluťoučký 日本語 🛰️ e\u0301'
/** Attributes of CloudEvents may hold all of this; bodies hold control characters, too. */
const text = 'žluťoučký 日本語 🛰️ \u2028 e\u0301'
const unicode = `${text} \u0000`

export const deliveryConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  describe('delivery', () => {
    test('everything that is published arrives', async () => {
      const topic = uniqueTopic()
      const [publisher, consumer] = [await connect(), await connect()]
      const seen = recorder()
      await consumer.subscribe(topic, seen.handle)
      const messages = numbered(topic, 200, ['a', 'b', 'c'])
      for (let at = 0; at < messages.length; at += 50) await publisher.publish(topic, messages.slice(at, at + 50))
      await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
      expect(seen.deliveries.every(({ attempt }) => attempt >= 1)).toBe(true)
    })

    test('concurrent publishes all arrive, and an empty one resolves', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      await driver.publish(topic, [])
      const messages = numbered(topic, 100)
      await Promise.all(messages.map((each) => driver.publish(topic, [each])))
      await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
    })

    test('a run arrives as its messages do, in their order by key', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      const texts = Array.from({ length: 120 }, (_, number) => ({
        body: `${text} ${number}`,
        number: number + 95,
        timeMs: 1_700_000_000_000 + (number >> 3),
        kind: number % 3 === 0 ? 1 : 0,
      }))
      const kinds = [
        { source: '/run', type: 'run', 'content-type': 'text/plain' },
        { source: '/run', type: 'run' },
      ]
      const run = runOf(texts, { kinds, key: 'k', idPrefix: 'run-' })
      await publishRun(driver, topic, run)
      await publishRun(driver, topic, partOfRun(run, 0, 0))
      await eventually(() => expect(seen.acked).toHaveLength(texts.length))
      const partsOf = ({ id, key, time, headers, body }: Message) => ({
        id,
        key,
        time,
        headers,
        body: bodyText({ body }),
      })
      const arrived = seen.deliveries.map(partsOf)
      const sent = messagesOf(run, topic).map(partsOf)
      if (options.order !== 'none') expect(arrived).toEqual(sent)
      else expect(arrived).toEqual(expect.arrayContaining(sent))
    })

    const bodies: [string, Uint8Array][] = [
      ['empty', new Uint8Array()],
      ['every byte', everyByte],
      ['unicode', Buffer.from(unicode)],
      ['a slice of a larger buffer', everyByte.subarray(100, 110)],
    ]
    test.each(bodies)('a body arrives as it was: %s', async (_, body) => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      await driver.publish(topic, [message(topic, body)])
      await eventually(() => expect(seen.deliveries).toHaveLength(1))
      expect(Buffer.from(elementAt(seen.deliveries, 0).body)).toEqual(Buffer.from(body))
    })

    test('id, key and time arrive as they were; the topic is the one published to', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      const time = new Date('2024-02-29T12:34:56.789Z')
      await driver.publish(topic, [message('elsewhere', 'x', { id: `id ${printable}`, key: `key ${printable}`, time })])
      await driver.publish(topic, [message(topic, 'y', { id: 'no key' })])
      await eventually(() => expect(seen.deliveries).toHaveLength(2))
      const [first, second] = seen.deliveries.sort((a, b) => bodyText(a).localeCompare(bodyText(b)))
      expect(first).toMatchObject({ id: `id ${printable}`, key: `key ${printable}`, time, topic, attempt: 1 })
      expect(first?.signal.aborted).toBe(false)
      expect(second).toMatchObject({ id: 'no key', key: undefined })
    })

    declared(options.headers, 'headers arrive as they were', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const seen = recorder()
      await driver.subscribe(topic, seen.handle)
      const headers = {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        'content-type': 'text/plain; charset=utf-8',
        empty: '',
        unicode: 'žluťoučký 日本語 🛰️',
        percent: '100 % "quoted" %41',
      }
      await driver.publish(topic, [message(topic, 'x', { headers })])
      await eventually(() => expect(seen.deliveries).toHaveLength(1))
      // On the wire each message has a source and a type; one that names none gets the driver's.
      const { source = '', type = topic, ...received } = elementAt(seen.deliveries, 0).headers
      expect(received).toEqual(headers)
      expect(type).toBe(topic)
      expect(source).toMatch(/^(\/armature)?$/)
    })

    declared(options.atLeastOnce, 'of a batch only the failed message comes again', async () => {
      const topic = uniqueTopic()
      const driver = await connect()
      const batches: number[][] = []
      const settled = new Map<number, number>()
      const subscription = await subscribeBatch(
        driver,
        topic,
        { count: 10, bytes: 10_000, periodMs: 50 },
        async (batch) => {
          const numbers = batch.map(numberOf)
          batches.push(numbers)
          return numbers.map((number): Outcome => {
            const times = (settled.get(number) ?? 0) + 1
            settled.set(number, times)
            return number === 7 && times === 1 ? { error: new Error('once') } : 'ok'
          })
        },
        { redeliveryDelayMs: 10, ...(options.groups ? { group: `g-${topic}` } : {}) },
      )
      await driver.publish(topic, numbered(topic, 10, ['k']))
      await eventually(() => expect(settled.get(7)).toBe(2))
      await subscription.stop()
      await subscription.idle()
      expect([...settled].filter(([, times]) => times > 1)).toEqual([[7, 2]])
      expect([...settled.keys()].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(batches[0]).toContain(7)
    })

    declared(
      options.atLeastOnce,
      'of batches whose handler fails all comes again, and each item settles by itself',
      async () => {
        const topic = uniqueTopic()
        const driver = await connect()
        const settled = new Map<number, number>()
        let calls = 0
        const subscription = await subscribeBatch(
          driver,
          topic,
          { count: 20, bytes: 10_000, periodMs: 20 },
          async (batch) => {
            if (++calls === 1) throw new Error('the sink is away')
            return batch.map((each): Outcome => {
              const number = numberOf(each)
              if (number % 3 === 0 && each.attempt < 3) return { error: new Error('not yet') }
              settled.set(number, (settled.get(number) ?? 0) + 1)
              return 'ok'
            })
          },
          { redeliveryDelayMs: 10, ...(options.groups ? { group: `g-${topic}` } : {}) },
        )
        await driver.publish(topic, numbered(topic, 60, ['a', 'b', 'c']))
        await eventually(() => expect(settled.size).toBe(60))
        await subscription.stop()
        await subscription.idle()
        expect([...settled.values()].every((times) => times === 1)).toBe(true)
      },
    )
  })
}

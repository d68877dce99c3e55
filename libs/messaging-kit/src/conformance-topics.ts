import { describe, expect, test } from 'vitest'
import { numbered, publishAside, recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { PublishError, SubscribeError } from '@armature/messaging/errors'

/** Suffixes of a unique topic `t`: what the pattern gets and what it does not. */
const wildcards: [pattern: string, gets: string[], other: string[]][] = [
  ['t.*', ['t.a', 't.b-1'], ['t', 't.a.b', 'tt.a']],
  ['t.*.c', ['t.a.c', 't.b.c'], ['t.a', 't.c', 't.a.b', 't.a.b.c']],
  ['t.>', ['t.a', 't.a.b', 't.a.b.c'], ['t', 'tt.a']],
  ['t.*.>', ['t.a.b', 't.a.b.c'], ['t', 't.a']],
  ['t', ['t'], ['t.a', 'tt']],
]

const badTopics = [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'a\tb',
  'a\n',
  'a.*',
  '*',
  '>',
  'a.>',
  'a*',
  'a>b',
  'x'.repeat(300),
]
const badPatterns = ['', '.', 'a.', 'a..b', 'a b', '>.a', 'a.>.b', 'a*', 'a.b>', 'x'.repeat(300)]

export const topicConformance = ({ options, connect, eventually, declared }: Conformance): void => {
  describe('topics', () => {
    for (const [pattern, gets, other] of wildcards) {
      const what = `${pattern} gets ${gets.join(' ')} and neither of ${other.join(' ')}`
      declared(options.wildcards || pattern === 't', what, async () => {
        const root = uniqueTopic()
        const at = (name: string) => name.replace(/^t/, root)
        const driver = await connect()
        const seen = recorder()
        await driver.subscribe(at(pattern), seen.handle)
        for (const topic of other) await publishAside(driver, at(topic), numbered(at(topic), 1))
        const topics = () => [...new Set(seen.deliveries.map(({ topic }) => topic))].sort()
        await eventually(async () => {
          // Twice: what came second cannot have overtaken what the pattern should not have got.
          for (const topic of gets) await driver.publish(at(topic), numbered(at(topic), 2))
          expect(topics()).toEqual(gets.map(at).sort())
        })
      })
    }

    declared(options.wildcards && options.groups, 'a group with a wildcard shares all its topics', async () => {
      const root = uniqueTopic()
      const [one, two] = [await connect(), await connect()]
      const [first, second] = [recorder(), recorder()]
      await one.subscribe(`${root}.*`, first.handle, { group: `g-${root}` })
      await two.subscribe(`${root}.*`, second.handle, { group: `g-${root}` })
      const ids = new Set<string>()
      for (const name of ['a', 'b', 'c']) {
        const messages = numbered(`${root}.${name}`, 20, ['k1', 'k2', 'k3', 'k4'])
        for (const { id } of messages) ids.add(id)
        await one.publish(`${root}.${name}`, messages)
      }
      await eventually(() => expect(new Set([...first.ids(), ...second.ids()])).toEqual(ids))
    })

    test.each(badTopics)('publish to %j is refused, and the connection lives', async (topic) => {
      const driver = await connect()
      const refused = driver.publish(topic, numbered('x', 1))
      await expect(refused).rejects.toThrow(PublishError)
      await expect(refused).rejects.toMatchObject({ fault: 'bad-topic', retryable: false })
      const good = uniqueTopic()
      await publishAside(driver, good, numbered(good, 1))
    })

    test.each(badPatterns)('subscribe to %j is refused', async (pattern) => {
      const driver = await connect()
      await expect(driver.subscribe(pattern, async () => undefined)).rejects.toThrow(SubscribeError)
    })

    declared(!options.wildcards, 'subscribe to a wildcard is refused', async () => {
      const driver = await connect()
      await expect(driver.subscribe('a.*', async () => undefined)).rejects.toThrow(SubscribeError)
    })

    const badOptions: [string, object][] = [
      ['maxInFlight', { maxInFlight: 0 }],
      ['maxInFlightBytes', { maxInFlightBytes: -1 }],
      ['redeliveryDelayMs', { redeliveryDelayMs: Number.NaN }],
    ]
    test.each(badOptions)('a bad %s is refused by name', async (name, bad) => {
      const driver = await connect()
      await expect(driver.subscribe(uniqueTopic(), async () => undefined, bad)).rejects.toThrow(name)
    })
  })
}

import { delivery } from '@armature/messaging/testing-delivery'
import { fails, letterBox } from '@armature/messaging/testing-letter-box'
import { describe, expect, test, vi } from 'vitest'
import { encodeBinary, UndecodableError } from '../src/cloud-events.ts'
import { deadLetterTopic, isDeadLetterTopic, isQuarantineTopic, quarantineTopic } from '@armature/messaging/dead-letter'
import { withoutEnvelope } from '@armature/messaging/dead-letter-envelope'
import { PublishError } from '@armature/messaging/errors'
import { messagingMetrics } from '@armature/messaging/messaging-metrics'
import type { Handler } from '@armature/messaging/ports'
import { checkTopic } from '@armature/messaging/topic-pattern'

/** A delivery that its driver could not decode. */
const undecodable = (headers: Record<string, string>) => {
  const fault = new UndecodableError('unsupported-version', 'its specversion is "0.3", only "1.0" is understood')
  return delivery({ id: 't+0+7', headers, body: Buffer.from([0, 255]), undecodable: fault })
}

describe('dead-letter of what cannot be decoded', () => {
  test('publishes it as it came, at once and without the handler', async () => {
    const { letters, metrics, wrap } = letterBox()
    const handler = vi.fn<Handler>(async () => undefined)
    const headers = { ce_specversion: '0.3', 'ce-id': 'x', 'content-type': 'no type', source: 'a b', own: 'kept' }
    await wrap(handler)(undecodable(headers))
    expect(handler).not.toHaveBeenCalled()
    expect(letters).toHaveLength(1)
    expect(letters[0]).toMatchObject({ id: 't+0+7', topic: 'logs.search.DLT', body: Buffer.from([0, 255]) })
    expect(withoutEnvelope(letters[0]?.headers ?? {})).toEqual({
      'dlt-raw-ce_specversion': '0.3',
      'dlt-raw-ce-id': 'x',
      'dlt-raw-content-type': 'no type',
      'dlt-raw-source': 'a b',
      own: 'kept',
    })
    expect(letters[0]?.headers).toMatchObject({
      'dlt-reason': 'undecodable',
      'kafka_dlt-exception-fqcn': 'UndecodableError',
      'dlt-attempts': '0',
      'dlt-first-failure-time': '1970-01-01T00:00:01.000Z',
    })
    expect(metrics.value(messagingMetrics.dead_letters_total, { topic: 'logs.search', reason: 'undecodable' })).toBe(1)
  })

  test.each(['kafka', 'nats', 'amqp_', 'amqp:'] as const)('is carried by %s', async (style) => {
    const { letters, wrap } = letterBox()
    const names = ['ce_specversion', 'ce-specversion', 'cloudevents_specversion', 'cloudevents:specversion', 'type']
    await wrap(fails(new Error('not called')))(undecodable(Object.fromEntries(names.map((name) => [name, '\ud800']))))
    const [letter] = letters
    expect(letter).toBeDefined()
    if (letter !== undefined) expect(() => encodeBinary(letter, { style, source: '/test' })).not.toThrow()
  })

  test('tries again with such headers renamed where the broker cannot carry those of a message from elsewhere', async () => {
    const { letters, wrap } = letterBox(async (topic, [letter]) => {
      if (letter?.headers['source'] !== undefined) throw new PublishError('no', { topic, fault: 'bad-message' })
    })
    await wrap(fails(new Error('bad')))(delivery({ headers: { source: 'my app', other: 'x' } }))
    expect(letters[0]?.headers).toMatchObject({ 'dlt-raw-source': 'my app', other: 'x', 'dlt-reason': 'failed' })
  })

  test('is not dead-lettered again where it comes from dead letters', async () => {
    const { letters, wrap } = letterBox()
    const again = { ...undecodable({}), topic: 'logs.search.DLT' }
    await expect(wrap(async () => undefined)(again)).rejects.toThrow(/specversion/)
    expect(letters).toEqual([])
  })
})

describe('the topic of what failed too often', () => {
  test('is one of dead letters, with the name in it', () => {
    expect(quarantineTopic('orders.eu')).toBe('orders.eu.quarantine.DLT')
    expect(isDeadLetterTopic(quarantineTopic('orders.eu'))).toBe(true)
    expect(isQuarantineTopic(quarantineTopic('orders.eu'))).toBe(true)
    expect(isQuarantineTopic(deadLetterTopic('orders.eu'))).toBe(false)
  })

  test.each([
    ['letters', 'x'.repeat(245)],
    ['a dot where it is cut', `${'x'.repeat(216)}.${'y'.repeat(28)}`],
    ['characters of three bytes', '\u6587'.repeat(81)],
    ['surrogate pairs', '\u{1F600}'.repeat(61)],
  ])('fits a topic of %s', (_, topic) => {
    expect(() => checkTopic(topic)).not.toThrow()
    const name = quarantineTopic(topic)
    expect(() => checkTopic(name)).not.toThrow()
    expect(isQuarantineTopic(name)).toBe(true)
    expect(quarantineTopic(`${topic.slice(0, -2)}qq`)).not.toBe(name)
  })

  test('is not cut where it just fits', () => {
    expect(quarantineTopic('x'.repeat(234))).toBe(`${'x'.repeat(234)}.quarantine.DLT`)
    expect(Buffer.byteLength(quarantineTopic('x'.repeat(235)))).toBeLessThanOrEqual(249)
  })
})

import { outcomeOf } from '@armature/async/testing-outcome'
import { delivery } from '@armature/messaging/testing-delivery'
import { fails, letterBox } from '@armature/messaging/testing-letter-box'
import { describe, expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter } from '@armature/messaging/dead-letter'
import { PublishError, UnrecoverableError } from '@armature/messaging/errors'
import { memoryBroker } from '../src/broker.ts'
import { bodyText, message } from '@armature/messaging/message'
import { messagingMetrics } from '@armature/messaging/messaging-metrics'
import type { Delivery, Handler, Publisher } from '@armature/messaging/ports'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { retry } from '@armature/messaging/retry'
import { timeout } from '@armature/messaging/timeout'

describe('dead-letter', () => {
  test('leaves what the handler resolved for alone', async () => {
    const { letters, wrap } = letterBox()
    await wrap(async () => undefined)(delivery())
    expect(letters).toEqual([])
  })

  test('publishes the message and why, then acknowledges', async () => {
    const { letters, metrics, wrap } = letterBox()
    const original = delivery({
      id: 'm7',
      key: 'k',
      time: new Date(5_000),
      headers: { 'content-type': 'text/plain', traceparent: 't' },
      body: Buffer.from([0, 255]),
      attempt: 3,
      position: { partition: 4, offset: 42 },
    })
    await wrap(fails(new UnrecoverableError('invalid-json', 'no JSON')), { group: 'sinks' })(original)
    expect(letters).toHaveLength(1)
    const [letter] = letters
    expect(letter).toMatchObject({ id: 'm7', key: 'k', topic: 'logs.search.DLT', time: new Date(5_000) })
    expect(letter?.body).toEqual(Buffer.from([0, 255]))
    expect(letter?.headers).toEqual({
      'content-type': 'text/plain',
      traceparent: 't',
      'kafka_dlt-original-topic': 'logs.search',
      'kafka_dlt-original-partition': '4',
      'kafka_dlt-original-offset': '42',
      'kafka_dlt-original-timestamp': '5000',
      'kafka_dlt-original-consumer-group': 'sinks',
      'kafka_dlt-exception-fqcn': 'UnrecoverableError',
      'kafka_dlt-exception-message': 'no JSON',
      'kafka_dlt-exception-stacktrace': expect.stringContaining('dead-letter.test.ts'),
      'dlt-envelope-version': '1',
      'dlt-reason': 'invalid-json',
      'dlt-handler': 'store',
      'dlt-attempts': '1',
      'dlt-deliveries': '3',
      'dlt-first-failure-time': '1970-01-01T00:00:01.000Z',
      'dlt-last-failure-time': '1970-01-01T00:00:01.000Z',
    })
    expect(metrics.value(messagingMetrics.dead_letters_total, { topic: 'logs.search', reason: 'invalid-json' })).toBe(1)
  })

  test('has the attempts, the first and the last failure', async () => {
    const { letters, publisher, clock } = letterBox()
    const wrapped = compose(
      deadLetter({ publisher, handler: 'store', clock }),
      retry({ clock, maxAttempts: 3, immediateAttempts: 0, firstDelayMs: 1_000, random: () => 1 }),
      timeout(500, { clock }),
    )(() => new Promise(() => undefined))
    const outcome = outcomeOf(wrapped(delivery()))
    await clock.advance(60_000)
    expect(outcome.state).toBe('resolved')
    expect(letters[0]?.headers).toMatchObject({
      'dlt-attempts': '3',
      'dlt-reason': 'timeout',
      'kafka_dlt-exception-fqcn': 'TimeoutError',
      'dlt-first-failure-time': new Date(1_500).toISOString(),
      'dlt-last-failure-time': new Date(5_500).toISOString(),
    })
  })

  test('acknowledges only after the publish', async () => {
    const held = Promise.withResolvers<void>()
    const { clock, wrap } = letterBox(() => held.promise)
    const outcome = outcomeOf(wrap(fails(new Error('bad')))(delivery()))
    await clock.advance(1_000)
    expect(outcome.state).toBe('pending')
    held.resolve()
    await clock.advance(0)
    expect(outcome.state).toBe('resolved')
  })

  test('returns the message when the publish fails', async () => {
    const { letters, metrics, wrap } = letterBox(async (topic) => {
      throw new PublishError('the broker is gone', { topic, fault: 'unavailable' })
    })
    await expect(wrap(fails(new Error('bad')))(delivery())).rejects.toThrow(/m1 of logs.search \(bad\).*broker is gone/)
    expect(letters).toEqual([])
    expect(metrics.value(messagingMetrics.dead_letter_errors_total, { topic: 'logs.search' })).toBe(1)
    expect(metrics.value(messagingMetrics.dead_letters_total)).toBe(0)
  })

  test('returns the message when the publish does not end', async () => {
    const { clock, wrap } = letterBox(() => new Promise(() => undefined))
    const outcome = outcomeOf(wrap(fails(new Error('bad')), { publishTimeoutMs: 100 })(delivery()))
    await clock.advance(100)
    expect(outcome).toMatchObject({ state: 'rejected', error: { reason: 'dead-letter-failed' } })
  })

  test('never takes a message from a subscription that closes', async () => {
    const { letters, wrap } = letterBox()
    const controller = new AbortController()
    const closing: Handler = async () => {
      controller.abort()
      throw new Error('closing')
    }
    await expect(wrap(closing)(delivery({ signal: controller.signal }))).rejects.toThrow('closing')
    expect(letters).toEqual([])
  })

  test.each([
    ['a RedeliverError', new RedeliverError('outage', 'down'), 'logs.search'],
    ['a message of a dead-letter topic', new Error('bad'), 'logs.search.DLT'],
  ])('passes %s on', async (_, error, topic) => {
    const { letters, wrap } = letterBox()
    await expect(wrap(fails(error))(delivery({ topic }))).rejects.toBe(error)
    expect(letters).toEqual([])
  })

  test.each([
    ['a URL', 'connect amqp://user:hunter2@host/x failed'],
    ['a parameter', 'GET https://host/?token=hunter2 answered 500'],
    ['an assignment', 'login failed, password=hunter2, code 5'],
    ['JSON', 'sent {"apiKey": "hunter2"}'],
    ['an authorization value', 'header Authorization: Bearer hunter2hunter2'],
  ])('writes no credentials of %s', async (_, text) => {
    const { letters, wrap } = letterBox()
    await wrap(fails(new Error(text)))(delivery())
    expect(JSON.stringify(letters[0]?.headers)).not.toContain('hunter2')
  })

  test.each([
    ['a string', 'plain', 'string', 'plain'],
    ['undefined', undefined, 'undefined', 'undefined'],
    ['an object without a prototype', Object.create(null), 'object', 'a value that cannot be shown'],
  ])('takes %s that was thrown', async (_, thrown, fqcn, text) => {
    const { letters, wrap } = letterBox()
    await wrap(fails(thrown))(delivery())
    expect(letters[0]?.headers).toMatchObject({
      'kafka_dlt-exception-fqcn': fqcn,
      'kafka_dlt-exception-message': text,
      'dlt-reason': 'failed',
    })
  })

  test('bounds what an error says', async () => {
    const { letters, wrap } = letterBox()
    await wrap(fails(new Error('\u{1F600}'.repeat(1_000_000))))(delivery())
    const headers = letters[0]?.headers ?? {}
    expect(headers['kafka_dlt-exception-message']?.length).toBe(1_024)
    expect(JSON.stringify(headers).length).toBeLessThan(10_000)
    expect(Object.values(headers).every((value) => value.isWellFormed())).toBe(true)
  })

  test('leaves out the stack where the headers have no room for it', async () => {
    const clock = drivenClock()
    const broker = memoryBroker({ clock, maxHeaderChars: 1_200 })
    const client = broker.connect()
    const letters: Delivery[] = []
    await client.subscribe('t.DLT', async (letter) => void letters.push(letter))
    await client.subscribe(
      't',
      deadLetter({ publisher: client, handler: 'h', clock })(fails(new Error('x'.repeat(900)))),
    )
    await client.publish('t', [message('t', 'body', { headers: { own: 'y'.repeat(500) } })])
    await clock.advance(1_000)
    expect(letters).toHaveLength(1)
    expect(letters[0]?.headers).toMatchObject({ own: 'y'.repeat(500), 'kafka_dlt-exception-stacktrace': '' })
  })

  test('over a broker: one poison message is isolated, the rest flows', async () => {
    const clock = drivenClock()
    const broker = memoryBroker({ clock })
    const client = broker.connect()
    const handled: string[] = []
    const letters: string[] = []
    await client.subscribe('t.DLT', async (letter) => void letters.push(bodyText(letter)))
    const handler = compose(
      deadLetter({ publisher: client, handler: 'h', clock }),
      retry({ clock, maxAttempts: 3 }),
    )(async (one) => {
      if (bodyText(one) === 'poison') throw new Error('no')
      handled.push(bodyText(one))
    })
    await client.subscribe('t', handler, { group: 'g' })
    await client.publish(
      't',
      ['a', 'poison', 'b'].map((body) => message('t', body, { key: 'same' })),
    )
    await clock.advance(10_000)
    expect(handled).toEqual(['a', 'b'])
    expect(letters).toEqual(['poison'])
    expect(broker.books()).toMatchObject({ rejected: 0, inFlight: 0 })
  })

  test('over a broker: while dead letters cannot be published, the message keeps coming again', async () => {
    const clock = drivenClock()
    const broker = memoryBroker({ clock })
    const client = broker.connect()
    const works = { up: false }
    const letters: Delivery[] = []
    const publisher: Publisher = {
      publish: async (topic, messages) => {
        if (!works.up) throw new PublishError('down', { topic, fault: 'unavailable' })
        await client.publish(topic, messages)
      },
      close: async () => undefined,
    }
    await client.subscribe('t.DLT', async (letter) => void letters.push(letter))
    await client.subscribe('t', deadLetter({ publisher, handler: 'h', clock })(fails(new Error('bad'))), { group: 'g' })
    await client.publish('t', [message('t', 'poison')])
    await clock.advance(60_000)
    expect(letters).toEqual([])
    expect(broker.books().acked).toBe(0)
    works.up = true
    await clock.advance(1_000)
    expect(letters.map(bodyText)).toEqual(['poison'])
    expect(Number(letters[0]?.headers['dlt-deliveries'])).toBeGreaterThan(100)
  })
})

import { describe, expect, test } from 'vitest'
import { delivery } from '@armature/messaging/testing-delivery'
import { fails, letterBox } from '@armature/messaging/testing-letter-box'
import { cutBodyHeader, droppedHeadersHeader, withoutEnvelope } from '@armature/messaging/dead-letter-envelope'
import { deadLetterTopic, isDeadLetterTopic } from '@armature/messaging/dead-letter-topics'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { checkPublish } from '../src/publish-checks.ts'
import type { Delivery } from '@armature/messaging/ports'
import { checkTopic } from '@armature/messaging/topic-pattern'

const sizeOf = ({ headers, body }: Message): number =>
  Object.entries(headers).reduce(
    (bytes, [name, value]) => bytes + name.length + Buffer.byteLength(value),
    body.byteLength,
  )

/** The letter that a broker with this limit, of headers and body together, takes in the end. */
const letterWithin = async (limitBytes: number, parts: Partial<Delivery>): Promise<Message | undefined> => {
  const { letters, wrap } = letterBox(async (topic, [letter]) => {
    if (letter !== undefined && sizeOf(letter) > limitBytes) throw new PublishError('no', { topic, fault: 'too-large' })
  })
  await wrap(fails(new Error('e'.repeat(2_000))))(delivery(parts))
  return letters[0]
}

describe('a dead letter that is too large', () => {
  test('is whole where it fits', async () => {
    const letter = await letterWithin(20_000, { headers: { a: 'x' } })
    expect(letter?.headers['kafka_dlt-exception-stacktrace']).not.toBe('')
    expect(letter?.headers).not.toHaveProperty(droppedHeadersHeader)
  })

  test('bug: a message near the limit never becomes a dead letter: first its stack goes', async () => {
    const body = Buffer.alloc(10_000)
    const letter = await letterWithin(11_000, { body, headers: { a: 'x' } })
    expect(letter?.body).toHaveLength(10_000)
    expect(letter?.headers['kafka_dlt-exception-stacktrace']).toBe('')
    expect(letter?.headers).toMatchObject({ a: 'x' })
  })

  test('then go long headers, then all but those that tell what it is, and their names are said', async () => {
    const headers = { source: '/s', long: 'x'.repeat(5_000), short: 'y' }
    const body = Buffer.alloc(10_000)
    const one = await letterWithin(11_000, { body, headers })
    expect(one?.headers).toMatchObject({ source: '/s', short: 'y', [droppedHeadersHeader]: 'long' })
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`h${at}`, 'z'.repeat(200)]))
    const other = await letterWithin(12_000, { body, headers: { source: '/s', ...many } })
    expect(other?.headers[droppedHeadersHeader]).toMatch(/^h0 h1 .* h49$/)
    expect(other?.headers).toMatchObject({ source: '/s' })
    expect(other?.body).toHaveLength(10_000)
  })

  test('at last the body is cut off, and its length is said', async () => {
    const body = Buffer.from('abcd'.repeat(250_000))
    const letter = await letterWithin(1_000_000, { body })
    expect(letter?.headers[cutBodyHeader]).toBe('1000000')
    expect(body.subarray(0, 1_000_000 - 16 * 1024).equals(letter?.body ?? Buffer.of())).toBe(true)
    const tiny = await letterWithin(5_000, { body })
    expect(tiny?.body.byteLength).toBeGreaterThan(0)
    expect(withoutEnvelope(tiny?.headers ?? {})).not.toHaveProperty(cutBodyHeader)
  })

  test('it comes again where the broker takes nothing at all', async () => {
    await expect(letterWithin(10, { body: Buffer.alloc(100_000) })).rejects.toMatchObject({
      reason: 'dead-letter-failed',
    })
  })

  test('bug: a driver refuses a dead letter for a limit of its own, which the message was received over', () => {
    const large = { ...delivery({ body: Buffer.alloc(11) }) }
    const limits = { maxMessageBytes: 10, closed: false }
    expect(() => checkPublish('orders', [large], limits)).toThrow(expect.objectContaining({ fault: 'too-large' }))
    expect(() => checkPublish('orders.DLT', [large], limits)).not.toThrow()
  })
})

test.each([
  'x'.repeat(249),
  '\u6587'.repeat(83),
  'a..b',
  '.a',
  'a b',
  'a\u0000b',
  '*',
  'a.>',
  '',
  '\u{1F600}'.repeat(62),
])('bug: a topic that others named, %j, has no topic of dead letters', (topic) => {
  const name = deadLetterTopic(topic)
  expect(() => checkTopic(name)).not.toThrow()
  expect(isDeadLetterTopic(name)).toBe(true)
  expect(deadLetterTopic(`${topic}x`)).not.toBe(name)
})

test('the topic of dead letters is the name with .DLT wherever that can be', () => {
  expect(deadLetterTopic('orders.eu')).toBe('orders.eu.DLT')
  expect(deadLetterTopic('x'.repeat(245))).toBe(`${'x'.repeat(245)}.DLT`)
})

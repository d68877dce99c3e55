import { expect, test } from 'vitest'
import { delivery } from './testing-delivery.ts'
import { fails, letterBox } from './testing-letter-box.ts'
import { originalHeaders, readEnvelope } from './dead-letter-envelope.ts'
import { UndecodableError } from './cloud-event-attributes.ts'

const letterOf = async (headers: Record<string, string>, undecodable?: UndecodableError) => {
  const { letters, wrap } = letterBox()
  await wrap(fails(new Error('bad')))(delivery({ headers, ...(undecodable && { undecodable }) }))
  return letters[0]?.headers ?? {}
}

/** Headers of the message itself that read like those of dead letters. */
const forged = {
  'dlt-reason': 'mine',
  'dlt-cut-body-bytes': '99',
  'dlt-own': 'x',
  'kafka_dlt-original-topic': 'elsewhere',
  'kafka_dlt-original-partition': '7',
  'kafka_dlt-original-offset': '8',
  'kafka_dlt-original-consumer-group': 'theirs',
  'retry_topic-attempts': '3',
  'mt-redelivery-count': '1',
  reason_poisoned: 'once',
  'dlt-raw-foo': 'not renamed',
  'dlt-raw-dlt-raw-bar': 'nor this',
}

test('bug: headers of the message named as those of dead letters were lost in the letter', async () => {
  expect(originalHeaders(await letterOf({ ...forged, own: 'kept' }))).toEqual({ ...forged, own: 'kept' })
})

test('bug: an envelope was believed what the message said', async () => {
  const headers = await letterOf(forged)
  expect(readEnvelope(headers)).toMatchObject({
    writer: 'armature',
    topic: 'logs.search',
    position: undefined,
    group: undefined,
    reason: 'failed',
    attempts: 1,
  })
  expect(headers).not.toHaveProperty('dlt-cut-body-bytes')
})

test('headers of a message that cannot be decoded are kept in the same way', async () => {
  const headers = { 'dlt-reason': 'mine', 'ce-id': 'x', 'dlt-raw-foo': 'y' }
  const letter = await letterOf(headers, new UndecodableError('bad-header', 'no'))
  expect(originalHeaders(letter)).toMatchObject({ 'dlt-reason': 'mine', 'dlt-raw-foo': 'y', 'dlt-raw-ce-id': 'x' })
})

test('a letter that was copied back by hand gets one new envelope, again and again', async () => {
  const first = await letterOf({ own: 'x', 'dlt-reason': 'mine' })
  const second = await letterOf(first)
  expect(Object.keys(second).toSorted()).toEqual(Object.keys(first).toSorted())
  expect(originalHeaders(second)).toEqual({ own: 'x', 'dlt-reason': 'mine' })
})

test('what RabbitMQ put on our letter is not the message’s', async () => {
  const letter = await letterOf({ own: 'x' })
  expect(originalHeaders({ ...letter, 'x-death': '[]', 'x-first-death-queue': 'q' })).toEqual({ own: 'x' })
})

test('the bytes of such a header, where it is no text, are kept', async () => {
  const letter = await letterOf({ 'dlt-own': '\ufffd', 'dlt-raw-dlt-own': ':/w==:' })
  expect(letter['dlt-raw-dlt-own']).toBe(':/w==:')
})

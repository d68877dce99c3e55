import { CloudEvent, HTTP } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UndecodableError } from './cloud-events.ts'
import { decodeStructured, encodeStructured } from './cloud-events-json.ts'
import { bodyText, message, type Message } from '@armature/messaging/message'

const source = '/armature/test'
const receivedAt = new Date('2030-01-01T00:00:00Z')

const encoded = (one: Message): Record<string, unknown> =>
  JSON.parse(bodyText(encodeStructured(one, { source }))) as Record<string, unknown>
const decode = (event: unknown, headers = {}) =>
  decodeStructured({
    body: Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
    topic: 't',
    receivedAt,
    headers,
  })
const again = (one: Message) => {
  const { headers, body } = encodeStructured(one, { source })
  return decodeStructured({ headers, body, topic: one.topic, receivedAt })
}

const withBody = (body: string | Uint8Array, contentType?: string) =>
  message('t', body, {
    headers: { source, type: 'made', ...(contentType === undefined ? {} : { 'content-type': contentType }) },
  })

describe('structured mode', () => {
  test('is one JSON object', () => {
    const one = message('t', '{"a":[1]}', {
      id: 'i',
      key: 'k',
      time: new Date(0),
      headers: { 'content-type': 'application/json', correlationid: 'c', 'x-own': 'o' },
    })
    expect(encoded(one)).toEqual({
      specversion: '1.0',
      id: 'i',
      source,
      type: 't',
      time: '1970-01-01T00:00:00.000Z',
      partitionkey: 'k',
      correlationid: 'c',
      datacontenttype: 'application/json',
      data: { a: [1] },
    })
    expect(encodeStructured(one, { source }).headers).toEqual({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'x-own': 'o',
    })
  })

  test.each<[string, string | Uint8Array, string | undefined, object]>([
    ['JSON', '{"a":1}', 'application/json', { data: { a: 1 } }],
    ['JSON of another type', '"text"', 'application/vnd.own+json; charset=utf-8', { data: 'text' }],
    ['JSON null', 'null', 'application/json', { data: null }],
    ['JSON with a key __proto__', '{"__proto__":1}', 'application/json', {}],
    ['text', 'a\u0000\u2028b', 'text/plain', { data: 'a\u0000\u2028b' }],
    ['no data', '', 'text/plain', {}],
    ['JSON written in another way', '{ "a": 1 }', 'application/json', { data_base64: 'eyAiYSI6IDEgfQ==' }],
    ['what is not JSON', '{', 'application/json', { data_base64: 'ew==' }],
    ['bytes', Buffer.of(0xff), 'text/plain', { data_base64: '/w==' }],
    ['text with a byte order mark', '\ufeffa', 'text/plain', { data_base64: '77u/YQ==' }],
    ['text in another character set', 'a', 'text/plain; charset=utf-16', { data_base64: 'YQ==' }],
    ['bytes of an unnamed type', 'a', undefined, { data_base64: 'YQ==' }],
  ])('keeps every byte of %s', (_, body, contentType, data) => {
    const one = withBody(body, contentType)
    expect(encoded(one)).toMatchObject(data)
    expect(again(one)).toEqual(one)
  })

  test('data without a type is JSON', () => {
    const event = { specversion: '1.0', id: 'i', source: '/s', type: 't', data: 'text' }
    const decoded = decode(event)
    expect(bodyText(decoded)).toBe('"text"')
    expect(decoded.headers['content-type']).toBe('application/json')
  })

  test('takes null as unset, and the types of attributes', () => {
    const event = { specversion: '1.0', id: 'i', source: '/s', type: 't', subject: null, sampled: true, sequence: -5 }
    expect(decode(event)).toMatchObject({
      time: receivedAt,
      body: Buffer.alloc(0),
      headers: { source: '/s', type: 't', sampled: 'true', sequence: '-5' },
    })
    expect(decode(event).headers).not.toHaveProperty('subject')
  })

  const least = { specversion: '1.0', id: 'i', source: '/s', type: 't' }

  test.each<[string, unknown, object?]>([
    ['bad-json', 'nonsense'],
    ['bad-json', '[]'],
    ['bad-json', 'null'],
    ['bad-json', '"text"'],
    ['missing-attribute', {}],
    ['missing-attribute', { ...least, id: null }],
    ['unsupported-version', { ...least, specversion: '2.0' }],
    ['unsupported-format', least, { 'Content-Type': 'application/cloudevents+avro' }],
    ['bad-attribute', { ...least, id: 5 }],
    ['bad-attribute', { ...least, time: 5 }],
    ['bad-attribute', { ...least, extension: {} }],
    ['bad-attribute', { ...least, extension: [] }],
    ['bad-attribute', { ...least, extension: 1.5 }],
    ['bad-attribute', { ...least, extension: 2 ** 31 }],
    ['bad-attribute', { ...least, Extension: 'x' }],
    ['bad-attribute', { ...least, my_extension: 'x' }],
    ['bad-attribute', '{"specversion":"1.0","id":"i","source":"/s","type":"t","__proto__":"x"}'],
    ['bad-attribute', '{"specversion":"1.0","id":"\\ud800","source":"/s","type":"t"}'],
    ['bad-data', { ...least, data: 'x', data_base64: 'eA==' }],
    ['bad-data', { ...least, data_base64: 'no base64' }],
    ['bad-data', { ...least, data_base64: 5 }],
    ['bad-data', { ...least, datacontenttype: 'text/plain', data: {} }],
    [
      'bad-data',
      '{"specversion":"1.0","id":"i","source":"/s","type":"t","datacontenttype":"text/plain","data":"\\ud800"}',
    ],
  ])('%s: refuses %o', (code, event, headers) => {
    const attempt = () => decode(event, headers)
    expect(attempt).toThrow(UndecodableError)
    expect(attempt).toThrow(expect.objectContaining({ code }))
  })

  test('refuses what is nested too deeply, and lives', () => {
    const depth = 200_000
    const nested = `{"specversion":"1.0","id":"i","source":"/s","type":"t","data":${'['.repeat(depth)}${']'.repeat(depth)}}`
    expect(() => decode(nested)).toThrow(UndecodableError)
  })

  test('refuses bytes that are not UTF-8', () => {
    expect(() => decodeStructured({ body: Uint8Array.of(0x7b, 0xff, 0x7d), topic: 't', receivedAt })).toThrow(
      UndecodableError,
    )
  })
})

describe('the SDK of CloudEvents', () => {
  test('reads what is written', () => {
    const one = message('t', '{"a":1}', { id: 'i', key: 'k', headers: { 'content-type': 'application/json' } })
    const { headers, body } = encodeStructured(one, { source })
    const read = HTTP.toEvent({ headers, body: Buffer.from(body).toString() })
    expect(read).toMatchObject({
      id: 'i',
      source,
      type: 't',
      partitionkey: 'k',
      data: { a: 1 },
      time: one.time.toISOString(),
    })
  })

  test('writes what is read', () => {
    const { headers, body } = HTTP.structured(
      new CloudEvent({ id: 'i', source: '/sdk', type: 'made', data: { a: 1 }, correlationid: 'c' }),
    )
    const decoded = decodeStructured({
      headers: headers as Record<string, string>,
      body: Buffer.from(body as string),
      topic: 't',
      receivedAt,
    })
    expect(decoded).toMatchObject({ id: 'i', headers: { source: '/sdk', type: 'made', correlationid: 'c' } })
    expect(bodyText(decoded)).toBe('{"a":1}')
  })
})

test('any body is the same after a round trip', () => {
  const body = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
  )
  const contentType = fc.constantFrom(
    undefined,
    'application/json',
    'text/plain',
    'text/csv; charset=UTF-8',
    'image/png',
    'a/b+json',
  )
  fc.assert(
    fc.property(body, contentType, (bytes, type) => {
      const one = withBody(bytes, type)
      const decoded = again(one)
      expect(Buffer.from(decoded.body).equals(bytes)).toBe(true)
      expect({ ...decoded, body: '' }).toEqual({ ...one, body: '' })
    }),
    { numRuns: 150, seed: 42 },
  )
})

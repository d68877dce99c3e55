import { CloudEvent, HTTP, Kafka } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeBinary,
  encodeBinary,
  isBinary,
  isStructured,
  UndecodableError,
  UnencodableError,
  type CloudEventStyle,
  type HeaderValue,
} from './cloud-events.ts'
import { UnrecoverableError } from './errors.ts'
import { message, type Message } from './message.ts'

const source = '/armature/test'
const receivedAt = new Date('2030-01-01T00:00:00Z')
const styles: CloudEventStyle[] = ['kafka', 'nats', 'http', 'amqp_', 'amqp:']

const encode = (one: Message, style: CloudEventStyle) => encodeBinary(one, { style, source })
const decode = (headers: Readonly<Record<string, HeaderValue>>, style: CloudEventStyle, more = {}) =>
  decodeBinary({ headers, body: Buffer.from('x'), topic: 't', receivedAt, ...more }, style)
const again = (one: Message, style: CloudEventStyle) => {
  const { headers, body } = encode(one, style)
  return decodeBinary({ headers, body, topic: one.topic, receivedAt }, style)
}

const full = message('logs.search', 'body', {
  id: 'i1',
  key: 'k1',
  time: new Date('2026-01-02T03:04:05.678Z'),
  headers: {
    source: 'https://example.com/a?b=c',
    type: 'com.example.made',
    subject: 'Euro € 😀',
    dataschema: 'https://example.com/schema',
    'content-type': 'application/json; charset=utf-8',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    correlationid: 'c 100%',
    'kafka_dlt-original-topic': 'logs.x',
    'dlt-stack': 'a\nb "c" 100% ü',
  },
})

describe('binary mode', () => {
  test('for Kafka', () => {
    const { headers, body } = encode(full, 'kafka')
    expect(headers).toEqual({
      ce_specversion: '1.0',
      ce_id: 'i1',
      ce_source: 'https://example.com/a?b=c',
      ce_type: 'com.example.made',
      ce_time: '2026-01-02T03:04:05.678Z',
      ce_partitionkey: 'k1',
      ce_subject: 'Euro € 😀',
      ce_dataschema: 'https://example.com/schema',
      'content-type': 'application/json; charset=utf-8',
      ce_traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      ce_correlationid: 'c 100%',
      'kafka_dlt-original-topic': 'logs.x',
      'dlt-stack': 'a\nb "c" 100% ü',
    })
    expect(body).toBe(full.body)
  })

  test('for NATS, with values in ASCII and the media type as an attribute', () => {
    expect(encode(full, 'nats').headers).toMatchObject({
      'ce-id': 'i1',
      'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
      'ce-datacontenttype': 'application/json;%20charset=utf-8',
      'ce-correlationid': 'c%20100%25',
      'kafka_dlt-original-topic': 'logs.x',
      'dlt-stack': 'a%0Ab%20%22c%22%20100%25%20%C3%BC',
    })
  })

  test('for HTTP, with the media type in its own header', () => {
    const { headers } = encode(full, 'http')
    expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8', 'ce-id': 'i1' })
    expect(headers).not.toHaveProperty('ce-datacontenttype')
  })

  test.each([
    ['amqp_', 'cloudEvents_id'],
    ['amqp:', 'cloudEvents:id'],
  ] as const)('for %s', (style, name) => {
    expect(encode(full, style).headers).toMatchObject({
      [name]: 'i1',
      'content-type': 'application/json; charset=utf-8',
    })
  })

  test('the source and the type have defaults', () => {
    expect(encode(message('logs.search', 'x'), 'kafka').headers).toMatchObject({
      ce_source: '/armature/test',
      ce_type: 'logs.search',
    })
    expect(encode(message('logs.search', 'x'), 'kafka').headers).not.toHaveProperty('ce_partitionkey')
  })

  test.each(styles)('%s: what is encoded is decoded to the same', (style) => {
    expect(again(full, style)).toEqual(full)
  })

  test('either style of AMQP understands the other', () => {
    for (const [one, other] of [
      ['amqp_', 'amqp:'],
      ['amqp:', 'amqp_'],
    ] as const) {
      const { headers, body } = encode(full, one)
      expect(decodeBinary({ headers, body, topic: full.topic, receivedAt }, other)).toEqual(full)
    }
  })
})

const least = { ce_specversion: '1.0', ce_id: 'i', ce_source: '/s', ce_type: 't' }

describe('decoding', () => {
  test('takes the least there can be', () => {
    expect(decode(least, 'kafka')).toEqual({
      id: 'i',
      topic: 't',
      key: undefined,
      time: receivedAt,
      headers: { source: '/s', type: 't' },
      body: Buffer.from('x'),
    })
  })

  test.each<[string, Record<string, HeaderValue>, CloudEventStyle, object]>([
    ['the key of the record', least, 'kafka', { key: 'k' }],
    ['the partition key before it', { ...least, ce_partitionkey: 'k' }, 'kafka', { key: 'other' }],
  ])('takes %s', (_, headers, style, more) => {
    expect(decode(headers, style, more).key).toBe('k')
  })

  test.each([
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02t03:04:05.6789z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05.5+02:30', '2026-01-02T00:34:05.500Z'],
    ['2026-01-01T23:00:00-05:00', '2026-01-02T04:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ])('takes the time %s', (time, iso) => {
    expect(decode({ ...least, ce_time: time }, 'kafka').time.toISOString()).toBe(iso)
  })

  test.each([
    ['quoted', '"Euro \\"\\\\ %E2%82%AC"', 'Euro "\\ €'],
    ['lower-case hexadecimal', 'Euro%20%e2%82%ac', 'Euro €'],
    ['encoded without need', '%41%42', 'AB'],
    ['not encoded', 'plain', 'plain'],
  ])('takes a value that is %s', (_, value, text) => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': 'i', 'ce-source': '/s', 'ce-type': 't', 'ce-subject': value }
    expect(decode(headers, 'nats').headers['subject']).toBe(text)
  })

  test.each([{ ce_datacontenttype: 'a/b' }, { 'content-type': 'a/b', ce_datacontenttype: 'a/b' }])(
    'takes the media type from %o',
    (headers) => {
      expect(decode({ ...least, ...headers }, 'kafka').headers['content-type']).toBe('a/b')
    },
  )

  test('does not regard case', () => {
    const headers = {
      'Ce-SpecVersion': '1.0',
      'CE-ID': 'i',
      'ce-Source': '/s',
      'ce-type': 't',
      'Content-Type': 'a/b',
      Own: 'O',
    }
    expect(decode(headers, 'http')).toMatchObject({ id: 'i', headers: { 'content-type': 'a/b', own: 'O' } })
  })

  test('takes the types of AMQP', () => {
    const headers = {
      'cloudEvents:specversion': '1.0',
      'cloudEvents:id': 'i',
      'cloudEvents:source': '/s',
      'cloudEvents:type': 't',
      'cloudEvents:time': new Date(5),
      'cloudEvents:sequence': 7,
      'cloudEvents:long': -7n,
      'cloudEvents:sampled': true,
      'x-count': 1.5,
    }
    expect(decode(headers, 'amqp:')).toMatchObject({
      time: new Date(5),
      headers: { sequence: '7', long: '-7', sampled: 'true', 'x-count': '1.5' },
    })
  })

  test('a header that is no attribute does not pass for one', () => {
    const headers = { ...least, source: 'forged', traceparent: 'forged', ce_traceparent: 'real', id: 'own' }
    const decoded = decode(headers, 'kafka')
    expect(decoded.id).toBe('i')
    expect(decoded.headers).toEqual({
      source: '/s',
      type: 't',
      traceparent: 'real',
      'x-source': 'forged',
      'x-traceparent': 'forged',
      id: 'own',
    })
    expect(again(decoded, 'kafka')).toEqual(decoded)
  })

  const without = (name: keyof typeof least) =>
    Object.fromEntries(Object.entries(least).filter(([key]) => key !== name))

  test.each<[string, Record<string, HeaderValue>, CloudEventStyle]>([
    ['missing-attribute', {}, 'kafka'],
    ['missing-attribute', least, 'nats'],
    ['missing-attribute', without('ce_id'), 'kafka'],
    ['missing-attribute', without('ce_source'), 'kafka'],
    ['missing-attribute', without('ce_type'), 'kafka'],
    ['missing-attribute', without('ce_specversion'), 'kafka'],
    ['unsupported-version', { ...least, ce_specversion: '0.3' }, 'kafka'],
    ['unsupported-version', { ...least, ce_specversion: '' }, 'kafka'],
    ['bad-attribute', { ...least, ce_id: '' }, 'kafka'],
    ['bad-attribute', { ...least, ce_type: '' }, 'kafka'],
    ['bad-attribute', { ...least, ce_source: '' }, 'kafka'],
    ['bad-attribute', { ...least, ce_source: 'a b' }, 'kafka'],
    ['bad-attribute', { ...least, ce_source: '/a%zz' }, 'kafka'],
    ['bad-attribute', { ...least, ce_subject: '' }, 'kafka'],
    ['bad-attribute', { ...least, ce_dataschema: '/relative' }, 'kafka'],
    ['bad-attribute', { ...least, ce_partitionkey: '' }, 'kafka'],
    ['bad-attribute', { ...least, 'content-type': 'nonsense' }, 'kafka'],
    ['bad-attribute', { ...least, ce_extension: 'a\u0000b' }, 'kafka'],
    ['bad-attribute', { ...least, ce_extension: 'a\u0085b' }, 'kafka'],
    ['bad-attribute', { ...least, ce_extension: '\ud800' }, 'kafka'],
    ['bad-attribute', { ...least, ce_extension: '\ufdd0' }, 'kafka'],
    ['bad-attribute', { ...least, ce_extension: '\u{1ffff}' }, 'kafka'],
    ['bad-attribute', { ...least, ce_: 'x' }, 'kafka'],
    ['bad-attribute', { ...least, ce_data: 'x' }, 'kafka'],
    ['bad-attribute', { ...least, ce___proto__: 'x' }, 'kafka'],
    ['bad-attribute', { ...least, 'ce_my-extension': 'x' }, 'kafka'],
    ['bad-attribute', { ...least, ce_sequence: 7 }, 'kafka'],
    ['bad-header', { ...least, ce_datacontenttype: 'a/b', 'content-type': 'a/c' }, 'kafka'],
    ['bad-header', { ...least, CE_id: 'other' }, 'kafka'],
    ...[
      '2026-01-02',
      '2026-01-02T03:04:05',
      '2026-02-29T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-02T24:00:00Z',
      '',
    ].map((time): [string, Record<string, HeaderValue>, CloudEventStyle] => [
      'bad-attribute',
      { ...least, ce_time: time },
      'kafka',
    ]),
    ...['%C0%A0', '%ff', '%zz', '%4'].map((subject): [string, Record<string, HeaderValue>, CloudEventStyle] => [
      'bad-attribute',
      { 'ce-specversion': '1.0', 'ce-id': 'i', 'ce-source': '/s', 'ce-type': 't', 'ce-subject': subject },
      'http',
    ]),
    ...[1.5, 2 ** 31, 2n ** 31n, NaN].map((sequence): [string, Record<string, HeaderValue>, CloudEventStyle] => [
      'bad-attribute',
      {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: 'i',
        cloudEvents_source: '/s',
        cloudEvents_type: 't',
        cloudEvents_sequence: sequence,
      },
      'amqp_',
    ]),
    [
      'bad-attribute',
      { cloudEvents_specversion: '1.0', cloudEvents_id: 5, cloudEvents_source: '/s', cloudEvents_type: 't' },
      'amqp_',
    ],
  ])('%s: refuses %o for %s', (code, headers, style) => {
    const attempt = () => decode(headers, style)
    expect(attempt).toThrow(UndecodableError)
    expect(attempt).toThrow(UnrecoverableError)
    expect(attempt).toThrow(expect.objectContaining({ code, reason: 'undecodable', name: 'UndecodableError' }))
  })
})

describe('encoding', () => {
  test.each<[string, Message, CloudEventStyle]>([
    ['an empty id', message('t', 'x', { id: '' }), 'kafka'],
    ['half a surrogate pair in the id', message('t', 'x', { id: '\udc00' }), 'kafka'],
    ['an empty key', message('t', 'x', { key: '' }), 'kafka'],
    ['a NUL in the key', message('t', 'x', { key: 'a\u0000' }), 'kafka'],
    ['an invalid time', message('t', 'x', { time: new Date(NaN) }), 'kafka'],
    ['a time after the year 9999', message('t', 'x', { time: new Date(8.64e15) }), 'kafka'],
    ['a source that is no URI', message('t', 'x', { headers: { source: 'a b' } }), 'kafka'],
    ['a content-type that is none', message('t', 'x', { headers: { 'content-type': 'json' } }), 'kafka'],
    ['a header in upper case', message('t', 'x', { headers: { 'X-Own': 'x' } }), 'kafka'],
    ['half a surrogate pair in a header', message('t', 'x', { headers: { 'x-own': '\ud800' } }), 'kafka'],
    ['a header that would pass for an attribute', message('t', 'x', { headers: { ce_id: 'x' } }), 'kafka'],
    ['a header name with a line end', message('t', 'x', { headers: { 'x\r\ninjected': 'x' } }), 'nats'],
    ['an empty header name', message('t', 'x', { headers: { '': 'x' } }), 'http'],
  ])('refuses %s', (_, one, style) => {
    expect(() => encode(one, style)).toThrow(UnencodableError)
  })

  test('never writes a line end into a header of NATS or HTTP', () => {
    const one = message('t', 'x', { headers: { 'x-own': 'a\r\nce-id: forged', subject: 'b\r\nc' } })
    for (const style of ['nats', 'http'] as const) {
      expect(JSON.stringify(encode(one, style).headers)).not.toMatch(/\\[rn]/)
      expect(again(one, style).headers).toMatchObject(one.headers)
    }
  })
})

test('tells binary from structured mode', () => {
  expect(isBinary(least, 'kafka')).toBe(true)
  expect(isBinary({ 'CE-SpecVersion': '1.0' }, 'nats')).toBe(true)
  expect(isBinary({ ce_id: 'i' }, 'kafka')).toBe(false)
  expect(isStructured('application/cloudevents+json; charset=utf-8')).toBe(true)
  expect(isStructured('Application/CloudEvents')).toBe(true)
  expect(isStructured('application/cloudevents-batch+json')).toBe(false)
  expect(isStructured('application/json')).toBe(false)
  expect(isStructured(undefined)).toBe(false)
})

describe('the SDK of CloudEvents', () => {
  const event = new CloudEvent({
    id: 'i1',
    source: '/sdk',
    type: 'com.example.made',
    subject: 'subject',
    time: '2026-01-02T03:04:05.678Z',
    datacontenttype: 'application/json',
    partitionkey: 'k1',
    correlationid: 'c1',
    data: { a: 1 },
  })

  test.each([
    ['kafka', Kafka],
    ['http', HTTP],
  ] as const)('what it writes for %s is read', (style, binding) => {
    const { headers } = binding.binary(event)
    // What is undefined does not get onto the wire.
    const written = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    const decoded = decode(written as Record<string, string>, style)
    expect(decoded).toMatchObject({
      id: 'i1',
      key: 'k1',
      time: new Date('2026-01-02T03:04:05.678Z'),
      headers: { source: '/sdk', type: 'com.example.made', subject: 'subject', correlationid: 'c1' },
    })
    expect(decoded.headers['content-type']).toMatch(/^application\/json/)
  })

  test.each([
    ['kafka', Kafka],
    ['http', HTTP],
  ] as const)('it reads what is written for %s', (style, binding) => {
    const one = message('t', '{"a":1}', {
      id: 'i1',
      key: 'k1',
      headers: { 'content-type': 'application/json', correlationid: 'c1' },
    })
    const { headers, body } = encode(one, style)
    const value = Buffer.from(body).toString()
    const read = binding.toEvent({ headers, body: value, value, key: 'k1' } as never)
    expect(read).toMatchObject({
      id: 'i1',
      source,
      type: 't',
      specversion: '1.0',
      partitionkey: 'k1',
      correlationid: 'c1',
      datacontenttype: 'application/json',
      data: { a: 1 },
    })
  })
})

describe('any message', () => {
  const odd = fc.constantFrom(
    '\u0000',
    '\u2028',
    '\ud83d\ude00',
    '\ud800',
    '%',
    '"',
    '\\',
    ' ',
    'é',
    '\r\n',
    '\ufffe',
    'a',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.array(odd, { maxLength: 6 }).map((all) => all.join('')),
  )
  const mostly = (good: string) => fc.oneof({ weight: 4, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: text })
  const name = fc.oneof(
    fc.stringMatching(/^[a-z0-9]{1,12}$/),
    fc.stringMatching(/^[a-z0-9_-]{1,12}$/),
    fc.constantFrom('__proto__', 'constructor', 'subject', 'content-type', 'id', 'time', 'data', 'traceparent'),
  )
  const headers = fc
    .array(fc.tuple(name, text), { maxLength: 6 })
    .map((entries) => ({ source: '/s', type: 't', ...Object.fromEntries(entries) }))
  const anyMessage = fc
    .record({
      id: mostly('i1'),
      key: fc.option(mostly('k'), { nil: undefined }),
      time: fc.oneof(
        { weight: 4, arbitrary: fc.constant(receivedAt) },
        { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
      ),
      headers,
      body: fc.uint8Array(),
    })
    .map(({ id, key, time, headers: all, body }) =>
      message('t', body, { id, time, headers: all, ...(key === undefined ? {} : { key }) }),
    )

  test.each(styles)('%s: is the same after a round trip, or is refused', (style) => {
    let same = 0
    fc.assert(
      fc.property(anyMessage, (one) => {
        let encoded
        try {
          encoded = encode(one, style)
        } catch (error) {
          expect(error).toBeInstanceOf(UnencodableError)
          return
        }
        const decoded = decodeBinary({ ...encoded, topic: 't', receivedAt }, style)
        expect(decoded.headers).toEqual(one.headers)
        expect(Object.entries(decoded.headers).sort()).toEqual(Object.entries(one.headers).sort())
        expect({ ...decoded, headers: {} }).toEqual({ ...one, headers: {} })
        same++
      }),
      { numRuns: 300, seed: 42 },
    )
    expect(same).toBeGreaterThan(30)
  })

  test.each(styles)('%s: any headers are decoded or refused with a coded error', (style) => {
    const prefix =
      Object.keys(encode(full, style).headers)
        .find((one) => one.endsWith('id'))
        ?.slice(0, -2) ?? ''
    const anyHeaders = fc
      .array(
        fc.tuple(
          fc.oneof(
            name,
            name.map((one) => `${prefix}${one}`),
          ),
          text,
        ),
        { maxLength: 6 },
      )
      .map((entries): Record<string, string> => ({
        [`${prefix}specversion`]: '1.0',
        [`${prefix}id`]: 'i',
        [`${prefix}source`]: '/s',
        [`${prefix}type`]: 't',
        ...Object.fromEntries(entries),
      }))
    fc.assert(
      fc.property(anyHeaders, (all) => {
        try {
          decode(all, style)
        } catch (error) {
          expect(error).toBeInstanceOf(UndecodableError)
        }
      }),
      { numRuns: 300, seed: 42 },
    )
  })
})

import { describe, expect, test } from 'vitest'
import { again, encode, full, receivedAt, styles } from './testing-cloud-events.ts'
import { decodeBinary, isBinary, isStructured, UnencodableError, type CloudEventStyle } from './cloud-events.ts'
import { message, type Message } from '@armature/messaging/message'

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

describe('encoding', () => {
  test.each<[string, Message, CloudEventStyle]>([
    ['an empty id', message('t', 'x', { id: '' }), 'kafka'],
    ['half a surrogate pair in the id', message('t', 'x', { id: '\udc00' }), 'kafka'],
    ['half a surrogate pair in the key', message('t', 'x', { key: 'a\ud800' }), 'kafka'],
    ['a tombstone with a body', { ...message('t', 'x'), tombstone: true }, 'kafka'],
    ['an invalid time', message('t', 'x', { time: new Date(NaN) }), 'kafka'],
    ['a time after the year 9999', message('t', 'x', { time: new Date(8.64e15) }), 'kafka'],
    ['a source that is no URI', message('t', 'x', { headers: { source: 'a b' } }), 'kafka'],
    ['a content-type without a slash', message('t', 'x', { headers: { 'content-type': 'json' } }), 'kafka'],
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
  expect(isBinary({ ce_specversion: '1.0' }, 'kafka')).toBe(true)
  expect(isBinary({ 'CE-SpecVersion': '1.0' }, 'nats')).toBe(true)
  expect(isBinary({ ce_id: 'i' }, 'kafka')).toBe(false)
  expect(isStructured('application/cloudevents+json; charset=utf-8')).toBe(true)
  expect(isStructured('Application/CloudEvents')).toBe(true)
  expect(isStructured('application/cloudevents-batch+json')).toBe(false)
  expect(isStructured('application/json')).toBe(false)
  expect(isStructured(undefined)).toBe(false)
})

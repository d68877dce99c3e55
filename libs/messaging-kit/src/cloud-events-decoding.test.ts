import { describe, expect, test } from 'vitest'
import { again, decode, receivedAt } from './testing-cloud-events.ts'
import { UndecodableError, type CloudEventStyle, type HeaderValue } from './cloud-events.ts'
import { UnrecoverableError } from '@armature/messaging/errors'

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
    ['the key of the record', least, 'kafka', { keyBytes: Buffer.from('k') }],
    ['the partition key before it', { ...least, ce_partitionkey: 'k' }, 'kafka', { keyBytes: Buffer.from('other') }],
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

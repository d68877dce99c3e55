import { describe, expect, test } from 'vitest'
import { message } from '@armature/messaging/message'
import { decodePayload, encodePayload } from './codec.ts'
import { globOf } from './channel-listeners.ts'

const at = new Date(1_700_000_000_000)

describe('payloads of channels', () => {
  test('are CloudEvents in JSON', () => {
    const sent = message('t', '{"total":9}', { id: 'one', headers: { 'content-type': 'application/json' }, time: at })
    expect(JSON.parse(encodePayload(sent, '/shop').toString())).toEqual({
      specversion: '1.0',
      id: 'one',
      source: '/shop',
      type: 't',
      time: at.toISOString(),
      datacontenttype: 'application/json',
      data: { total: 9 },
    })
  })

  test('carry headers that no attribute can be', () => {
    const headers = { 'kafka_dlt-original-topic': 'a', 'dlt-reason': 'žluť\u007f\n', traceparent: 'x' }
    const { message: received } = decodePayload('t', encodePayload(message('t', 'x', { headers }), '/shop'), at)
    expect(received.headers).toMatchObject(headers)
    expect(received.headers).not.toHaveProperty('armatureheaders')
  })

  test.each(['plain', '', '{"total":9}', '{"nested":{"specversion":"1.0"}}', '{"specversion"', '["specversion"]'])(
    'of others are bodies as they are: %s',
    (text) => {
      const { message: received, undecodable } = decodePayload('t', Buffer.from(text), at)
      expect(undecodable).toBeUndefined()
      expect(Buffer.from(received.body).toString()).toBe(text)
      expect(received).toMatchObject({ headers: {}, time: at, topic: 't' })
    },
  )

  test('that say they are events and are none are undecodable', () => {
    const { undecodable } = decodePayload('t', Buffer.from('{"specversion":"1.0"}'), at)
    expect(undecodable).toMatchObject({ reason: 'undecodable' })
  })
})

test.each([
  ['a.*', 'a.*'],
  ['a.>', 'a.*'],
  ['a?.[b]-c\\.*', 'a\\?.\\[b\\]\\-c\\\\.*'],
])('the glob of %s is %s', (pattern, glob) => {
  expect(globOf(pattern)).toBe(glob)
})

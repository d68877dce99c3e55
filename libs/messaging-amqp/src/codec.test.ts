import { message } from '@armature/messaging/message'
import { expect, test } from 'vitest'
import { decodeAmqp, encodeAmqp } from './codec.ts'

test('bug: a typed header named partitionkey took the key from an event that was published on', () => {
  const headers = {
    cloudEvents_specversion: '1.0',
    cloudEvents_id: 'i',
    cloudEvents_source: '/s',
    cloudEvents_type: 't',
    cloudEvents_partitionkey: 'k',
    partitionkey: 7,
  }
  const { message } = decodeAmqp(
    { content: Buffer.from(''), fields: { routingKey: 'orders' }, properties: { headers } },
    'q',
  )
  expect(message.key).toBe('k')
  const { properties } = encodeAmqp(message, {
    topic: 'orders',
    source: '/x',
    mandatory: true,
    plainHeaders: false,
    keepDeaths: false,
  })
  expect(properties.headers).toMatchObject({ cloudEvents_partitionkey: 'k', partitionkey: 7 })
})

test.each(['__proto__=double', 'toString=int', 'constructor=json'])(
  'bug: a message that gives a type to a header that it does not have, %s, could not be published',
  (types) => {
    const given = message('orders', 'x', { headers: { 'amqp-types': types } })
    const parts = { topic: 'orders', source: '/x', mandatory: true, plainHeaders: false, keepDeaths: false }
    const headers = encodeAmqp(given, parts).properties.headers as object
    expect(Object.values(headers).filter((value) => typeof value !== 'string')).toEqual([])
  },
)

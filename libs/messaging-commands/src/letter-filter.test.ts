import { describe, expect, test } from 'vitest'
import { message } from '@armature/messaging/message'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { letterOf } from './letter.ts'
import { FilterError, letterFilter } from './letter-filter.ts'

const headers = {
  'kafka_dlt-original-topic': 'orders.eu',
  'kafka_dlt-exception-fqcn': 'TimeoutError',
  'kafka_dlt-exception-message': 'no answer, in 5 s',
  'dlt-envelope-version': '1',
  'dlt-reason': 'timeout',
  'dlt-handler': 'store',
  'dlt-attempts': '3',
  'dlt-redrives': '2',
  'x-tenant': 'eu',
}
const held = (own: Record<string, string>): StoredMessage => ({
  ...message('orders.eu.DLT', '{}', { id: 'm1', key: 'k', headers: own }),
  storedAt: new Date(0),
  handle: undefined,
})
const letter = letterOf(held(headers))

describe('filters', () => {
  test.each([
    'id=m1',
    'key=k',
    'topic=orders.eu',
    'reason=timeout',
    'class=TimeoutError',
    'error~ANSWER',
    'error="TimeoutError: no answer, in 5 s"',
    'handler=store',
    'group=',
    'writer=armature',
    'attempts=3',
    'redrives=2',
    'header.x-tenant=eu',
    'header.X-Tenant~E',
    'header.absent=',
    'header.__proto__=',
    'reason!=failed',
    'error!~refused',
    'reason=timeout,handler=store , topic~orders',
    ' reason = timeout ',
    'error~"answer, in",handler!=x',
  ])('%s takes the letter', (expression) => expect(letterFilter(expression)(letter)).toBe(true))

  test.each([
    'id=m2',
    'reason=Timeout',
    'reason=time',
    'error~refused',
    'reason!=timeout',
    'error!~answer',
    'group=g',
    'header.x-tenant=us',
    'reason=timeout,handler=x',
    'attempts=33',
  ])('%s leaves it', (expression) => expect(letterFilter(expression)(letter)).toBe(false))

  test.each([
    '',
    'reason',
    'reason==',
    '=timeout',
    'reason=timeout,',
    ',reason=timeout',
    'rason=timeout',
    'constructor=x',
    'header.=x',
    'error~"open',
    'error~a"b"',
    'reason>timeout',
    Array.from({ length: 21 }, () => 'reason=x').join(','),
  ])('%j is refused', (expression) => {
    expect(() => letterFilter(expression)).toThrow(FilterError)
  })

  test('a refusal names the fields', () => {
    expect(() => letterFilter('rason=x')).toThrow(/"rason" is no field.*id, key, topic, reason, .*header\.NAME/)
  })

  test('a letter without an envelope has an original topic by the name of its own', () => {
    const bare = letterOf(held({}))
    expect(letterFilter('topic=orders.eu,reason=,redrives=0')(bare)).toBe(true)
  })
})

import { message } from '@armature/messaging/message'
import { expect, test } from 'vitest'
import { FieldError } from './field.ts'
import { correlateBy } from './correlation.ts'

const sample = message('logs.a', '{"order":{"id":7,"open":true,"lines":[1]},"__proto__":"own","name":"n"}', {
  key: 'k',
  headers: { correlationid: 'c' },
})

test.each([
  ['topic', 'logs.a'],
  ['key', 'k'],
  ['header:correlationid', 'c'],
  ['header:CorrelationId', 'c'],
  ['json:name', 'n'],
  ['json:order.id', '7'],
  ['json:order.open', 'true'],
  ['json:__proto__', 'own'],
])('%s finds %s', (form, key) => expect(correlateBy(form)(sample)).toBe(key))

test.each([
  'header:other',
  'header:constructor',
  'json:none',
  'json:order',
  'json:order.lines',
  'json:constructor.name',
])('%s finds nothing', (form) => expect(correlateBy(form)(sample)).toBeUndefined())

test.each(['not json', new Uint8Array([0xff])])('a body that is no JSON has no correlation key: %j', (body) =>
  expect(correlateBy('json:name')(message('t', body))).toBeUndefined(),
)

test.each(['', 'body', 'header:', 'json:', 'Topic'])('%j is refused', (form) =>
  expect(() => correlateBy(form)).toThrow(FieldError),
)

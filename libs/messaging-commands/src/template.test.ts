import { expect, test } from 'vitest'
import { filled } from './template.ts'

const filling = { n: 7, nowMs: 0 }

test.each([
  ['text {n} {n}', 'text 7 7'],
  ['{now}', '1970-01-01T00:00:00.000Z'],
  ['{"n":{n},"a":{}}', '{"n":7,"a":{}}'],
  ['{N} {x} $& $1', '{N} {x} $& $1'],
  ['', ''],
])('%j becomes %j', (template, text) => expect(filled(template, filling)).toBe(text))

test('each place for an id has one of its own', () => {
  const [first, second] = filled('{uuid} {uuid}', filling).split(' ')
  expect(first).toMatch(/^[\da-f-]{36}$/)
  expect(second).not.toBe(first)
})

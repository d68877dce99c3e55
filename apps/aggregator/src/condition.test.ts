import { jsonMessage, message } from '@armature/messaging/message'
import { expect, test } from 'vitest'
import { allOf, conditionSchema } from './condition.ts'

const order = jsonMessage(
  'orders.eu',
  { total: 12.5, status: 'open', lines: [1], rush: true },
  { key: 'k', headers: { priority: '7' } },
)

test.each([
  [{ field: 'topic', equals: 'orders.eu' }, true],
  [{ field: 'topic', matches: String.raw`^orders\.` }, true],
  [{ field: 'topic', matches: '^eu' }, false],
  [{ field: 'json:total', atLeast: 12.5, atMost: 12.5 }, true],
  [{ field: 'json:total', atLeast: 13 }, false],
  [{ field: 'json:total', atMost: 12 }, false],
  [{ field: 'json:status', atLeast: 0 }, false],
  [{ field: 'json:status', equals: 'closed' }, false],
  [{ field: 'json:status', oneOf: ['closed', 'open'] }, true],
  [{ field: 'json:rush', equals: true }, true],
  [{ field: 'json:rush', equals: 'true' }, false],
  [{ field: 'header:priority', equals: 7 }, true],
  [{ field: 'header:priority', atLeast: 5 }, true],
  [{ field: 'header:none', exists: false }, true],
  [{ field: 'header:none', exists: true }, false],
  [{ field: 'json:none', atMost: 1 }, false],
  [{ field: 'json:lines', exists: true, matches: '1' }, false],
])('%j of an order: %s', (settings, holds) => {
  expect(allOf([conditionSchema.parse(settings)])(order)).toBe(holds)
})

test('all conditions must hold, and none holds always', () => {
  const eu = conditionSchema.parse({ field: 'topic', equals: 'orders.eu' })
  const closed = conditionSchema.parse({ field: 'json:status', equals: 'closed' })
  expect(allOf([eu, closed])(order)).toBe(false)
  expect(allOf([])(message('t', 'x'))).toBe(true)
})

test.each([
  [{ field: 'body', exists: true }, 'names no part of a message'],
  [{ field: 'topic' }, 'says nothing of the field'],
  [{ field: 'topic', matches: '(' }, 'is no regular expression'],
  [{ field: 'topic', equal: 'x' }, 'equal'],
])('%j is refused', (settings, problem) => {
  expect(() => conditionSchema.parse(settings)).toThrow(problem)
})

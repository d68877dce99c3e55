import { expect, test } from 'vitest'
import { keyQueue } from './key-queue.ts'

const none = () => false

test('one of each key goes, the others wait behind it in order', () => {
  const queue = keyQueue<string>()
  expect(['a1', 'a2', 'b1', 'a3'].map((item) => queue.enter(item.slice(0, 1), item))).toEqual([
    true,
    false,
    true,
    false,
  ])
  expect(queue.leave('a', none)).toBe('a2')
  expect(queue.leave('a', none)).toBe('a3')
  expect(queue.leave('a', none)).toBeUndefined()
  expect(queue.enter('a', 'a4')).toBe(true)
})

test('those that are gone are passed over', () => {
  const queue = keyQueue<string>()
  for (const item of ['x1', 'x2', 'x3']) queue.enter('x', item)
  expect(queue.leave('x', (item) => item === 'x2')).toBe('x3')
})

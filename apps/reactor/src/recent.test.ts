import { expect, test } from 'vitest'
import { createRecent } from './recent.ts'

test('keeps the last items, the newest first, and no more than the limit', () => {
  const recent = createRecent<number>(3)
  expect(recent.list()).toEqual([])
  for (const item of [1, 2, 3, 4, 5]) recent.add(item)
  expect(recent.list()).toEqual([5, 4, 3])
})

import { expect, test } from 'vitest'
import { pullBudget } from './jetstream-pull-budget.ts'

const leastBytes = 100

test('the room is requested in two halves, so that the second request is there when the first is served', () => {
  const budget = pullBudget()
  const first = budget.next({ messages: 1_000, bytes: 1_000_000 }, leastBytes)
  expect(first).toEqual({ messages: 500, bytes: 500_000 })
  expect(budget.next({ messages: 500, bytes: 1_000_000 }, leastBytes)).toEqual({ messages: 500, bytes: 500_000 })
  expect(budget.requested).toBe(1_000)
})

test('without room nothing is requested, neither of messages nor of bytes', () => {
  const budget = pullBudget()
  expect(budget.next({ messages: 0, bytes: 1_000 }, leastBytes)).toBeUndefined()
  expect(budget.next({ messages: 1, bytes: 0 }, leastBytes)).toBeUndefined()
  expect(budget.requested).toBe(0)
})

test('a request has bytes for the largest message, and no second one is made while those are on their way', () => {
  const budget = pullBudget()
  expect(budget.next({ messages: 10, bytes: 50 }, leastBytes)).toEqual({ messages: 5, bytes: leastBytes })
  expect(budget.next({ messages: 5, bytes: 50 }, leastBytes)).toBeUndefined()
})

test('room for a few messages is no reason for a request while many are on their way', () => {
  const budget = pullBudget()
  budget.next({ messages: 100, bytes: 1_000_000 }, leastBytes)
  expect(budget.next({ messages: 16, bytes: 1_000_000 }, leastBytes)).toBeUndefined()
  expect(budget.next({ messages: 17, bytes: 1_000_000 }, leastBytes)?.messages).toBe(17)
})

test('what came and what a request did not get is requested no more', () => {
  const budget = pullBudget()
  budget.next({ messages: 10, bytes: 1_000 }, leastBytes)
  budget.received(400)
  expect(budget.requested).toBe(4)
  budget.unserved({ messages: 3, bytes: 100 })
  expect(budget.requested).toBe(1)
  budget.received(5_000)
  budget.received(5_000)
  expect(budget.requested).toBe(0)
  expect(budget.next({ messages: 2, bytes: 1_000 }, leastBytes)).toEqual({ messages: 1, bytes: 500 })
  budget.writeOff()
  expect(budget.requested).toBe(0)
})

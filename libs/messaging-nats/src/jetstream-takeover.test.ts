import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { takeover, type Takeover } from './jetstream-takeover.ts'

let unsettled: number | undefined
let here: number
let delivered: string[]
let pinned: Takeover<string>

beforeEach(() => {
  vi.useFakeTimers()
  unsettled = 0
  here = 0
  delivered = []
  pinned = takeover<string>({
    unsettled: async () => {
      if (unsettled === undefined) throw new Error('the server is away')
      return unsettled
    },
    unsettledHere: () => here,
    deliver: (item) => void delivered.push(item),
    wake: () => undefined,
  })
})
afterEach(() => {
  vi.useRealTimers()
})

const pass = () => vi.advanceTimersByTimeAsync(1_000)

test('before it begins every message is delivered at once', () => {
  pinned.offer(2, 'b')
  pinned.offer(1, 'a')
  expect(delivered).toEqual(['b', 'a'])
  expect(pinned.missing).toBeUndefined()
})

test('what came is kept until all of the previous member is here, and delivered in the order of the stream', async () => {
  unsettled = 3
  pinned.begin()
  pinned.offer(7, 'new')
  here = 1
  await pass()
  expect(delivered).toEqual([])
  expect(pinned.missing).toBe(2)
  pinned.offer(2, 'second')
  pinned.offer(1, 'first')
  here = 3
  await pass()
  expect(delivered).toEqual(['first', 'second', 'new'])
  expect(pinned.missing).toBeUndefined()
})

test('while the server is away it waits, for one message at a time', async () => {
  unsettled = undefined
  pinned.begin()
  pinned.offer(1, 'a')
  await pass()
  expect(delivered).toEqual([])
  expect(pinned.missing).toBe(1)
  unsettled = 0
  await pass()
  expect(delivered).toEqual(['a'])
})

test('a member that is pinned again meanwhile keeps what it has', async () => {
  unsettled = 5
  pinned.begin()
  pinned.offer(2, 'b')
  await pass()
  pinned.begin()
  pinned.offer(1, 'a')
  unsettled = 0
  await pass()
  expect(delivered).toEqual(['a', 'b'])
})

test('finish delivers at once, and end gives back what is kept', async () => {
  unsettled = 5
  pinned.begin()
  pinned.offer(1, 'a')
  pinned.finish()
  expect(delivered).toEqual(['a'])
  pinned.begin()
  pinned.offer(2, 'b')
  expect(pinned.end()).toEqual(['b'])
  unsettled = 0
  pinned.begin()
  await pass()
  expect(delivered).toEqual(['a'])
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lane, type Lane, type LaneItem } from './jetstream-lane.ts'

interface Item extends LaneItem {
  readonly name: string
}

let sent: string[]
let released: string[]
let isReady: boolean
let line: Lane<Item>

beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  released = []
  isReady = true
  line = lane<Item>({
    transmit: ({ name }) => void sent.push(name),
    renew: ({ name }) => void sent.push(`new ${name}`),
    prepare: async () => {
      if (!isReady) throw new Error('no stream')
    },
    release: ({ name }) => void released.push(name),
  })
})
afterEach(() => {
  vi.useRealTimers()
})

const items = (...names: string[]): Item[] =>
  names.map((name, token) => {
    const item: Item = { name, token, wire: undefined as never, sentMs: 0, sequence: undefined }
    line.add(item)
    return item
  })

/** The messages sent since the last call. */
const sends = () => sent.splice(0).join(' ')

test('all are under way at once, and released in their order', () => {
  const [a, b, c] = items('a', 'b', 'c') as [Item, Item, Item]
  expect(sends()).toBe('a b c')
  line.stored(b, 2)
  expect(released).toEqual([])
  line.stored(a, 1)
  expect(released).toEqual(['a', 'b'])
  line.stored(c, 3)
  expect(line.first).toBeUndefined()
})

describe('where one is not stored', () => {
  test('bug: each was tried again by itself, in random order; the first is tried alone, then all behind it', async () => {
    const [a] = items('a', 'b', 'c') as [Item]
    sends()
    line.failed(a)
    items('d')
    expect(sends()).toBe('')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(sends()).toBe('a')
    line.stored(a, 1)
    expect(sends()).toBe('b c d')
  })

  test('what overtook it is stored again behind it, and all behind that', async () => {
    const [a, b, c, d] = items('a', 'b', 'c', 'd') as [Item, Item, Item, Item]
    sends()
    line.failed(a)
    line.stored(b, 1)
    line.stored(d, 2)
    await vi.advanceTimersByTimeAsync(10_000)
    sends()
    line.stored(a, 3)
    expect(sends()).toBe('new b b c new d d')
    for (const [at, item] of [b, c, d].entries()) line.stored(item, 4 + at)
    expect(released).toEqual(['a', 'b', 'c', 'd'])
  })

  test('one that was stored, though nobody said so, has the others not stored twice', async () => {
    const [a, b, c] = items('a', 'b', 'c') as [Item, Item, Item]
    sends()
    line.failed(a)
    line.stored(b, 2)
    line.stored(c, 3)
    await vi.advanceTimersByTimeAsync(10_000)
    sends()
    line.stored(a, 1)
    expect(sends()).toBe('')
    expect(released).toEqual(['a', 'b', 'c'])
  })

  test('while there is no stream, and while the first one fails, nothing else is sent', async () => {
    const [a] = items('a', 'b') as [Item]
    sends()
    isReady = false
    line.failed(a)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(sends()).toBe('')
    isReady = true
    await vi.advanceTimersByTimeAsync(10_000)
    expect(sends()).toBe('a')
    line.failed(a)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(sends()).toBe('a')
  })
})

test('after a reconnection the first is sent at once and alone', () => {
  const [a] = items('a', 'b') as [Item]
  sends()
  line.restart()
  expect(sends()).toBe('a')
  line.stored(a, 1)
  expect(sends()).toBe('b')
})

test('where the first one is given up while it is tried, the next is', () => {
  const [a] = items('a', 'b', 'c') as [Item]
  line.restart()
  sends()
  expect(line.drop((item) => item === a)).toEqual([a])
  expect(sends()).toBe('b')
})

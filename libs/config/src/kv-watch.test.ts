import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { KvValues } from './kv-source.ts'
import { watchKv } from './kv-watch.ts'
import { scriptedKv } from '../test/scripted-kv.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const start = () => {
  const kv = scriptedKv()
  const seen: (readonly KvValues[])[] = []
  const cancel = watchKv({
    source: kv.source,
    prefixes: ['a/', 'b/'],
    quietMs: 100,
    onChange: (values) => seen.push(values),
  })
  return { kv, seen, cancel }
}

test('tells nothing before every prefix has answered, then at once', () => {
  const { kv, seen } = start()
  kv.set('b/', { key: '1' })
  vi.advanceTimersByTime(10_000)
  expect(seen).toEqual([])
  kv.set('a/', {})
  expect(seen).toEqual([[{}, { key: '1' }]])
})

test('tells changes that come together once they are over, and at the latest after 4 times the quiet time', () => {
  const { kv, seen } = start()
  kv.set('a/', {})
  kv.set('b/', {})
  for (let count = 1; count <= 3; count += 1) {
    kv.set('a/', { count: String(count) })
    vi.advanceTimersByTime(99)
  }
  expect(seen).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(seen.at(-1)).toEqual([{ count: '3' }, {}])
  for (let count = 4; count <= 8; count += 1) {
    kv.set('a/', { count: String(count) })
    vi.advanceTimersByTime(80)
  }
  expect(seen).toHaveLength(3)
  expect(seen.at(-1)).toEqual([{ count: '8' }, {}])
})

test('after a failure tells nothing before every prefix has answered again', () => {
  const { kv, seen } = start()
  kv.set('a/', { key: '1' })
  kv.set('b/', { key: '2' })
  kv.set('a/', { key: '3' })
  kv.fail(new Error('no leader'))
  kv.set('b/', {})
  vi.advanceTimersByTime(10_000)
  expect(seen).toHaveLength(1)
  kv.set('a/', {})
  vi.advanceTimersByTime(100)
  expect(seen.slice(1)).toEqual([[{}, {}]])
})

test('tells nothing once cancelled', () => {
  const { kv, seen, cancel } = start()
  kv.set('a/', {})
  kv.set('b/', {})
  kv.set('a/', { key: '1' })
  cancel()
  vi.advanceTimersByTime(10_000)
  expect([seen.length, kv.watchers()]).toEqual([1, 0])
})

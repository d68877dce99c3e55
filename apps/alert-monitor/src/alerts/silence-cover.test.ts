import { expect, test } from 'vitest'
import { createSilenceCover } from './silence-cover.ts'

const world = () => {
  let calls = 0
  const silences: { id: string; startsAtMs: number; endsAtMs: number; covers: () => boolean }[] = []
  const cover = createSilenceCover(() => silences)
  const add = (id: string, startsAtMs: number, endsAtMs: number) => {
    silences.push({ id, startsAtMs, endsAtMs, covers: () => (calls += 1) > 0 })
    cover.changed()
  }
  return { add, cover, calls: () => calls }
}

test('a silence covers from its beginning to its end, though nothing changes meanwhile', () => {
  const { add, cover } = world()
  const labels = { host: 'a' }
  add('one', 100, 200)
  const at = [99, 100, 199, 200].map((nowMs) => cover.covering(labels, nowMs))
  expect(at).toEqual([[], ['one'], ['one'], []])
  add('two', 150, 300)
  expect(cover.covering(labels, 200)).toEqual(['two'])
})

test('a clock that is set back has no silence that has not begun yet', () => {
  const { add, cover } = world()
  add('one', 100, 200)
  expect(cover.covering({}, 150)).toEqual(['one'])
  expect(cover.covering({}, 50)).toEqual([])
})

test('labels are matched once, however often they are asked for', () => {
  const { add, cover, calls } = world()
  const labels = { host: 'a' }
  add('one', 0, 1_000)
  for (let nowMs = 1; nowMs < 500; nowMs += 1) cover.covering(labels, nowMs)
  expect(calls()).toBe(1)
  add('two', 0, 1_000)
  cover.covering(labels, 500)
  expect(calls()).toBe(3)
})

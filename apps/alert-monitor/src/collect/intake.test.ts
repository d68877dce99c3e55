import { expect, test } from 'vitest'
import { createIntake } from './intake.ts'

test('items are taken in order, and there is no room past the limit', async () => {
  const taken: number[] = []
  const intake = createIntake<number>({ maxQueued: 3, take: (item) => taken.push(item) })
  expect([1, 2, 3, 4].map((item) => intake.offer(item))).toEqual([true, true, true, false])
  expect(intake.size).toBe(3)
  await intake.idle()
  expect(intake.size).toBe(0)
  expect(intake.offer(5)).toBe(true)
  await intake.idle()
  expect(taken).toEqual([1, 2, 3, 5])
})

test('a long queue gives way to others between slices', async () => {
  let turns = 0
  const intake = createIntake<number>({ maxQueued: 10_000, take: () => undefined })
  for (let item = 0; item < 5_000; item += 1) intake.offer(item)
  const count = () => {
    turns += 1
    if (intake.size > 0) setImmediate(count)
  }
  setImmediate(count)
  await intake.idle()
  expect(turns).toBeGreaterThan(5)
})

test('items that keep coming while others are taken are neither lost nor reordered', async () => {
  const taken: number[] = []
  let next = 0
  const intake = createIntake<number>({ maxQueued: 1_000, take: (item) => taken.push(item) })
  for (let round = 0; round < 50; round += 1) {
    while (intake.offer(next)) next += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  await intake.idle()
  expect(taken).toEqual(Array.from({ length: next }, (_, index) => index))
})

test('an empty intake is idle', async () => {
  await createIntake({ maxQueued: 1, take: () => undefined }).idle()
})

test('there is no room past the limit in bytes, and room again for what was taken', async () => {
  const taken: string[] = []
  const intake = createIntake<string>({ maxQueued: 100, maxQueuedBytes: 10, take: (item) => taken.push(item) })
  expect([intake.offer('a', 6), intake.offer('b', 5), intake.offer('c', 4)]).toEqual([true, false, true])
  await intake.idle()
  expect(intake.offer('d', 10)).toBe(true)
  await intake.idle()
  expect(taken).toEqual(['a', 'c', 'd'])
})

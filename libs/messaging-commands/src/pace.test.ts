import { expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { createPace } from './pace.ts'

const never = new AbortController().signal

test('lets no more through than the rate', async () => {
  const clock = drivenClock(0)
  const pace = createPace(10, clock)
  const atMs: number[] = []
  const going = (async () => {
    for (let index = 0; index < 5; index++) {
      await pace(2, never)
      atMs.push(clock.now())
    }
  })()
  await clock.advance(10_000)
  await going
  expect(atMs).toEqual([0, 200, 400, 600, 800])
})

test('does not save up what was not used', async () => {
  const clock = drivenClock(0)
  const pace = createPace(1, clock)
  await pace(1, never)
  await clock.advance(60_000)
  await pace(1, never)
  let through = false
  void pace(1, never).then(() => (through = true))
  await clock.advance(999)
  expect(through).toBe(false)
  await clock.advance(1)
  expect(through).toBe(true)
})

test('waits no longer once it is told to stop', async () => {
  const stopping = new AbortController()
  const pace = createPace(1, drivenClock(0))
  await pace(1, stopping.signal)
  const waiting = pace(1, stopping.signal)
  stopping.abort()
  await waiting
  await pace(1, stopping.signal)
})

test('without a rate nothing waits', async () => {
  const pace = createPace(undefined, drivenClock(0))
  for (let index = 0; index < 100; index++) await pace(1_000, never)
})

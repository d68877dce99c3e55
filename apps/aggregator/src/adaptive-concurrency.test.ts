import { drivenClock } from '@armature/async/clock'
import { expect, test } from 'vitest'
import { createAdaptiveConcurrency, type Load } from './adaptive-concurrency.ts'

const setUp = (maxAtOnce = 8) => {
  const clock = drivenClock()
  const concurrency = createAdaptiveConcurrency({ maxAtOnce, clock })
  const call = async (tookMs: number, load: Load = 'ok', count = 1) => {
    for (let n = 0; n < count; n += 1) {
      const job = () => new Promise<void>((resolve) => clock.after(tookMs, resolve))
      const called = concurrency.run(job, () => load)
      await clock.advance(tookMs)
      await called
    }
  }
  return { clock, concurrency, call }
}

test('one more at once after each round of answers in time, up to the maximum', async () => {
  const { concurrency, call } = setUp(3)
  expect(concurrency.limit).toBe(1)
  await call(10)
  expect(concurrency.limit).toBe(2)
  await call(10)
  expect(concurrency.limit).toBe(2)
  await call(10)
  expect(concurrency.limit).toBe(3)
  await call(10, 'ok', 20)
  expect(concurrency.limit).toBe(3)
})

test('half as many after a busy answer, a slow one and a failure; never less than one', async () => {
  const { clock, concurrency, call } = setUp()
  await call(100, 'ok', 50)
  expect(concurrency.limit).toBe(8)
  await call(100, 'busy')
  expect(concurrency.limit).toBe(4)
  await call(1_000)
  expect(concurrency.limit).toBe(2)
  await clock.advance(1)
  await expect(
    concurrency.run(
      () => Promise.reject(new Error('no')),
      () => 'ok',
    ),
  ).rejects.toThrow('no')
  expect(concurrency.limit).toBe(1)
  await clock.advance(1)
  await call(100, 'busy')
  expect(concurrency.limit).toBe(1)
})

test('calls that met the same jam count once', async () => {
  const { clock, concurrency, call } = setUp()
  await call(100, 'ok', 50)
  const jobs = Array.from({ length: 8 }, (_, n) =>
    concurrency.run(
      () => new Promise<void>((resolve) => clock.after(100 + n, resolve)),
      () => 'busy',
    ),
  )
  await clock.advance(200)
  await Promise.all(jobs)
  expect(concurrency.limit).toBe(4)
})

test('no more run at once than the limit, and who waits leaves by its signal', async () => {
  const { concurrency } = setUp()
  const open = Promise.withResolvers<void>()
  const first = concurrency.run(
    () => open.promise,
    () => 'ok',
  )
  const controller = new AbortController()
  const second = concurrency.run(
    () => Promise.resolve(),
    () => 'ok',
    controller.signal,
  )
  expect(concurrency.running).toBe(1)
  controller.abort(new Error('gone'))
  await expect(second).rejects.toThrow('gone')
  open.resolve()
  await first
  expect(concurrency.running).toBe(0)
})

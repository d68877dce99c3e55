import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { groupSession } from './session.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const yes = () => true
/** Resolves when the driven timers have come so far. */
const passed = (ms: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms)
  return promise
}
const started = async () => {
  let ends = 0
  const session = groupSession(1_000, () => ends++)
  const answered = (afterMs = 0, keeps = yes) => session.keep(() => passed(afterMs), keeps)
  const first = answered()
  await vi.advanceTimersByTimeAsync(0)
  await first
  return { session, answered, ends: () => ends }
}

test('holds nothing before its first answer', () => {
  expect(groupSession(1_000, () => undefined).holds).toBe(false)
})

test('is over a session after the last request that was answered, once', async () => {
  const { session, answered, ends } = await started()
  await vi.advanceTimersByTimeAsync(600)
  const beat = answered(300)
  await vi.advanceTimersByTimeAsync(300)
  await beat
  await vi.advanceTimersByTimeAsync(699)
  expect([session.holds, ends()]).toEqual([true, 0])
  await vi.advanceTimersByTimeAsync(2)
  expect([session.holds, ends()]).toEqual([false, 1])
  await vi.advanceTimersByTimeAsync(5_000)
  expect(ends()).toBe(1)
})

test('an answer that does not keep it, or comes too late, does not make it longer', async () => {
  const { session, answered, ends } = await started()
  const refused = answered(100, () => false)
  const late = answered(1_500)
  await vi.advanceTimersByTimeAsync(1_000)
  await refused
  expect([session.holds, ends()]).toEqual([false, 1])
  await vi.advanceTimersByTimeAsync(500)
  await late
  expect([session.holds, ends()]).toEqual([false, 1])
})

test('while the group waits for others nothing new may be handled, and what is held is lost only if that fails', async () => {
  const { session, answered, ends } = await started()
  const joining = session.putOff(() => passed(3_000).then(() => answered()))
  await vi.advanceTimersByTimeAsync(2_999)
  expect([session.holds, ends()]).toEqual([false, 0])
  await vi.advanceTimersByTimeAsync(2)
  await joining
  expect([session.holds, ends()]).toEqual([true, 0])
  const failing = session.putOff(() => passed(3_000))
  await vi.advanceTimersByTimeAsync(3_000)
  await failing
  expect([session.holds, ends()]).toEqual([false, 1])
})

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { drivenClock, systemClock } from './clock.ts'

describe('systemClock', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))
  afterEach(() => void vi.useRealTimers())

  test('calls back once after the delay, unless cancelled', () => {
    const clock = systemClock()
    const called = vi.fn()
    const cancelled = vi.fn()
    clock.after(100, called)
    clock.after(100, cancelled)()
    vi.advanceTimersByTime(99)
    expect(called).not.toHaveBeenCalled()
    vi.advanceTimersByTime(10_000)
    expect(called).toHaveBeenCalledOnce()
    expect(cancelled).not.toHaveBeenCalled()
    expect(clock.now()).toBe(Date.now())
  })

  test('waits out a delay longer than a timer of Node can', () => {
    const clock = systemClock()
    const called = vi.fn()
    const cancelled = vi.fn()
    const days30 = 30 * 24 * 3_600_000
    clock.after(days30, called)
    const cancel = clock.after(days30, cancelled)
    vi.advanceTimersByTime(days30 - 1)
    expect(called).not.toHaveBeenCalled()
    cancel()
    vi.advanceTimersByTime(1)
    expect(called).toHaveBeenCalledOnce()
    expect(cancelled).not.toHaveBeenCalled()
  })
})

test('a pending timer of systemClock does not keep the process alive', async () => {
  const script = `import { systemClock } from '${import.meta.dirname}/clock.ts'; systemClock().after(3_600_000, () => undefined)`
  const args = ['--input-type=module-typescript', '--eval', script]
  await promisify(execFile)(process.execPath, args, { timeout: 20_000 })
}, 25_000)

describe('drivenClock', () => {
  test('stands still until it is advanced', async () => {
    const clock = drivenClock(1_000)
    expect(clock.now()).toBe(1_000)
    await clock.advance(250)
    expect(clock.now()).toBe(1_250)
  })

  test('runs timers in order of time, then of creation, each at its time', async () => {
    const clock = drivenClock()
    const ran: string[] = []
    const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`)
    clock.after(20, note('c'))
    clock.after(10, note('a'))
    clock.after(10, note('b'))
    clock.after(21, note('late'))
    expect(clock.pending).toBe(4)
    await clock.advance(20)
    expect(ran).toEqual(['a@10', 'b@10', 'c@20'])
    expect(clock.pending).toBe(1)
  })

  test('runs a timer made by a timer when it falls due within the same advance', async () => {
    const clock = drivenClock()
    const ran: number[] = []
    const tick = () => {
      ran.push(clock.now())
      if (ran.length < 5) clock.after(10, tick)
    }
    clock.after(10, tick)
    await clock.advance(35)
    expect(ran).toEqual([10, 20, 30])
    await clock.advance(100)
    expect(ran).toEqual([10, 20, 30, 40, 50])
    expect(clock.now()).toBe(135)
  })

  test('lets promises and immediates settle at the time of their timer', async () => {
    const clock = drivenClock()
    const seen: number[] = []
    clock.after(10, () => {
      void Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => seen.push(clock.now()))
    })
    clock.after(11, () => seen.push(-1))
    await clock.advance(50)
    expect(seen).toEqual([10, -1])
  })

  test('a cancelled timer does not run, also when cancelled by one of the same time', async () => {
    const clock = drivenClock()
    const ran: string[] = []
    clock.after(10, () => {
      ran.push('first')
      cancel()
    })
    const cancel = clock.after(10, () => void ran.push('second'))
    await clock.advance(10)
    cancel()
    expect(ran).toEqual(['first'])
  })

  test('advances called at once run one after the other', async () => {
    const clock = drivenClock()
    await Promise.all([clock.advance(10), clock.advance(5)])
    expect(clock.now()).toBe(15)
  })

  test('rejects with what a callback threw, and goes on from there', async () => {
    const clock = drivenClock()
    const called = vi.fn()
    clock.after(10, () => {
      throw new Error('boom')
    })
    clock.after(20, called)
    await expect(clock.advance(50)).rejects.toThrow('boom')
    expect(clock.now()).toBe(10)
    await clock.advance(10)
    expect(called).toHaveBeenCalledOnce()
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses to advance by %d', (ms) => {
    expect(() => drivenClock().advance(ms)).toThrow(RangeError)
  })
})

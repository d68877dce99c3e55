import { describe, expect, test } from 'vitest'
import { delivery } from './testing-delivery.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { drivenClock } from '@armature/async/clock'
import { throttle, type ThrottleOptions } from './throttle.ts'

const open = (options: ThrottleOptions) => {
  const clock = drivenClock()
  const startedMs: [id: string, atMs: number][] = []
  const wrapped = throttle({ clock, ...options })(async ({ id }) => void startedMs.push([id, clock.now()]))
  const handle = (id: string, signal?: AbortSignal) =>
    outcomeOf(wrapped(delivery({ id, ...(signal === undefined ? {} : { signal }) })))
  return { clock, startedMs, handle }
}

describe('throttle', () => {
  test('spaces the calls, in order of arrival', async () => {
    const { clock, startedMs, handle } = open({ perSecond: 10 })
    for (const id of ['a', 'b', 'c', 'd']) handle(id)
    await clock.advance(1_000)
    expect(startedMs).toEqual([
      ['a', 0],
      ['b', 100],
      ['c', 200],
      ['d', 300],
    ])
  })

  test('does not hold up what comes slower than that', async () => {
    const { clock, startedMs, handle } = open({ perSecond: 10 })
    for (const id of ['a', 'b', 'c']) {
      handle(id)
      await clock.advance(100)
    }
    expect(startedMs.map(([, atMs]) => atMs)).toEqual([0, 100, 200])
  })

  test('lets a burst through after a rest, and no more than that', async () => {
    const { clock, startedMs, handle } = open({ perSecond: 10, burst: 3 })
    await clock.advance(60_000)
    for (const id of ['a', 'b', 'c', 'd', 'e']) handle(id)
    await clock.advance(1_000)
    expect(startedMs.map(([, atMs]) => atMs - 60_000)).toEqual([0, 0, 0, 100, 200])
  })

  test('never calls more often than it may in any second', async () => {
    const { clock, startedMs, handle } = open({ perSecond: 7, burst: 2 })
    for (let number = 0; number < 50; number++) {
      handle(String(number))
      await clock.advance((number * 37) % 90)
    }
    await clock.advance(10_000)
    expect(startedMs).toHaveLength(50)
    for (const [, fromMs] of startedMs) {
      const within = startedMs.filter(([, atMs]) => atMs >= fromMs && atMs < fromMs + 1_000)
      expect(within.length).toBeLessThanOrEqual(7 + 2)
    }
  })

  test('rejects what is too much to wait', async () => {
    const { clock, startedMs, handle } = open({ perSecond: 10, maxWaiting: 1 })
    handle('a')
    handle('b')
    const third = handle('c')
    await clock.advance(0)
    expect(third).toMatchObject({ state: 'rejected', error: { name: 'RedeliverError', reason: 'throttled' } })
    await clock.advance(1_000)
    expect(startedMs.map(([id]) => id)).toEqual(['a', 'b'])
  })

  test('an abort ends the wait', async () => {
    const { clock, startedMs, handle } = open({ perSecond: 1 })
    const controller = new AbortController()
    handle('a')
    const second = handle('b', controller.signal)
    controller.abort(new Error('closing'))
    await clock.advance(5_000)
    expect(second).toMatchObject({ state: 'rejected', error: { message: 'closing' } })
    expect(startedMs.map(([id]) => id)).toEqual(['a'])
  })

  test('a clock that is set back does not hold up anything for long', async () => {
    const clock = drivenClock(3_600_000)
    let setBackMs = 0
    const startedMs: number[] = []
    const moved = { now: () => clock.now() - setBackMs, after: clock.after }
    const wrapped = throttle({ perSecond: 10, clock: moved })(async () => void startedMs.push(clock.now()))
    await wrapped(delivery())
    setBackMs = 3_600_000
    outcomeOf(wrapped(delivery()))
    await clock.advance(200)
    expect(startedMs).toHaveLength(2)
  })

  test.each([{ perSecond: 0 }, { perSecond: NaN }, { perSecond: 1, burst: 0 }, { perSecond: 1, maxWaiting: -1 }])(
    'refuses %o',
    (options) => {
      expect(() => throttle(options)).toThrow(RangeError)
    },
  )
})

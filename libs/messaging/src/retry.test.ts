import { describe, expect, test } from 'vitest'
import { delivery } from './testing-delivery.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { drivenClock } from '@armature/async/clock'
import { UnrecoverableError } from './errors.ts'
import type { Handler } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'
import { retry, type RetryOptions } from './retry.ts'

class BadInput extends UnrecoverableError {}

/** Fails so many times; keeps when it was called. */
const failing = (times: number, error: () => unknown = () => new Error('down')) => {
  const clock = drivenClock()
  const calledMs: number[] = []
  const handler: Handler = async () => {
    calledMs.push(clock.now())
    if (calledMs.length <= times) throw error()
  }
  const run = (options: RetryOptions = {}, signal?: AbortSignal) =>
    outcomeOf(retry({ clock, random: () => 1, ...options })(handler)(delivery(signal === undefined ? {} : { signal })))
  return { clock, calledMs, run }
}

describe('retry', () => {
  test('calls once where the handler resolves', async () => {
    const { clock, calledMs, run } = failing(0)
    const outcome = run()
    await clock.advance(60_000)
    expect(outcome.state).toBe('resolved')
    expect(calledMs).toEqual([0])
  })

  test('follows at once, then after waits that double up to their limit', async () => {
    const { clock, calledMs, run } = failing(6)
    const outcome = run({ maxAttempts: 7, immediateAttempts: 2, firstDelayMs: 100, maxDelayMs: 300 })
    await clock.advance(10_000)
    expect(outcome.state).toBe('resolved')
    expect(calledMs).toEqual([0, 0, 0, 100, 300, 600, 900])
  })

  test('waits a random part of each wait', async () => {
    const { clock, calledMs, run } = failing(2)
    run({ immediateAttempts: 0, firstDelayMs: 1_000, random: () => 0.25 })
    await clock.advance(10_000)
    expect(calledMs).toEqual([0, 250, 750])
  })

  test('rejects with the last error after maxAttempts', async () => {
    let count = 0
    const { clock, calledMs, run } = failing(99, () => new Error(`failure ${++count}`))
    const outcome = run({ maxAttempts: 3 })
    await clock.advance(60_000)
    expect(outcome).toMatchObject({ state: 'rejected', error: { message: 'failure 3' } })
    expect(calledMs).toHaveLength(3)
  })

  test('begins no attempt later than maxTotalMs', async () => {
    const { clock, calledMs, run } = failing(99)
    const outcome = run({ maxAttempts: 99, immediateAttempts: 0, firstDelayMs: 100, maxDelayMs: 100, maxTotalMs: 250 })
    await clock.advance(200)
    expect(calledMs).toEqual([0, 100, 200])
    expect(outcome.state).toBe('rejected')
  })

  test.each([
    ['an unrecoverable error', () => new UnrecoverableError('bad', 'bad')],
    ['a subclass of it', () => new BadInput('bad', 'bad')],
    ['a RedeliverError', () => new RedeliverError('outage', 'down')],
  ])('passes %s on at once', async (_, error) => {
    const { clock, calledMs, run } = failing(99, error)
    const outcome = run()
    await clock.advance(0)
    expect(outcome.state).toBe('rejected')
    expect(calledMs).toEqual([0])
  })

  test('an abort ends the wait and leaves no timer', async () => {
    const { clock, calledMs, run } = failing(99)
    const controller = new AbortController()
    const outcome = run({ immediateAttempts: 0, firstDelayMs: 1_000 }, controller.signal)
    await clock.advance(500)
    expect(outcome.state).toBe('pending')
    controller.abort()
    await clock.advance(0)
    expect(outcome).toMatchObject({ state: 'rejected', error: { message: 'down' } })
    expect(clock.pending).toBe(0)
    expect(calledMs).toEqual([0])
  })

  test('does not call again once aborted, not even at once', async () => {
    const controller = new AbortController()
    const { clock, calledMs, run } = failing(99, () => {
      controller.abort()
      return new Error('down')
    })
    const outcome = run({ immediateAttempts: 3 }, controller.signal)
    await clock.advance(0)
    expect(outcome.state).toBe('rejected')
    expect(calledMs).toEqual([0])
  })

  test.each([{ maxAttempts: 0 }, { maxAttempts: 1.5 }, { immediateAttempts: -1 }, { maxTotalMs: NaN }])(
    'refuses %o',
    (options) => {
      expect(() => retry(options)).toThrow(RangeError)
    },
  )
})

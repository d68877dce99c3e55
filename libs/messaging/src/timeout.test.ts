import { describe, expect, test } from 'vitest'
import { delivery, standing } from './testing-delivery.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { drivenClock } from '@armature/async/clock'
import { leased, Lease } from './lease.ts'
import type { Delivery } from './ports.ts'
import { retry } from './retry.ts'
import { timeout, TimeoutError } from './timeout.ts'

describe('timeout', () => {
  test('cuts off a handler that never settles', async () => {
    const clock = drivenClock()
    const outcome = outcomeOf(timeout(1_000, { clock })(() => new Promise(() => undefined))(delivery()))
    await clock.advance(999)
    expect(outcome.state).toBe('pending')
    await clock.advance(1)
    expect(outcome).toMatchObject({ state: 'rejected', error: { name: 'TimeoutError', limitMs: 1_000 } })
    expect(outcome.error).toBeInstanceOf(TimeoutError)
  })

  test('passes on what settles in time and leaves no timer', async () => {
    const clock = drivenClock()
    const { handler, calls } = standing()
    const wrapped = timeout(1_000, { clock })(handler)
    const good = outcomeOf(wrapped(delivery()))
    const bad = outcomeOf(wrapped(delivery()))
    calls[0]?.resolve()
    calls[1]?.reject(new Error('own'))
    await clock.advance(999)
    expect(good.state).toBe('resolved')
    expect(bad).toMatchObject({ state: 'rejected', error: { message: 'own' } })
    expect(clock.pending).toBe(0)
  })

  test('a handler that throws before its first await is a rejection', async () => {
    const wrapped = timeout(1_000, { clock: drivenClock() })(() => {
      throw new Error('sync')
    })
    await expect(wrapped(delivery())).rejects.toThrow('sync')
  })

  test('the handler sees the abort, by time and by close', async () => {
    const clock = drivenClock()
    const { handler, calls } = standing()
    const controller = new AbortController()
    const wrapped = timeout(1_000, { clock })(handler)
    outcomeOf(wrapped(delivery()))
    outcomeOf(wrapped(delivery({ signal: controller.signal })))
    controller.abort(new Error('closing'))
    expect(calls.map((call) => call.delivery.signal.aborted)).toEqual([false, true])
    expect(calls[1]?.delivery.signal.reason).toMatchObject({ message: 'closing' })
    await clock.advance(1_000)
    expect(calls[0]?.delivery.signal.aborted).toBe(true)
  })

  test('around retry it ends the retries', async () => {
    const clock = drivenClock()
    let calls = 0
    const inner = retry({
      clock,
      maxAttempts: 99,
      firstDelayMs: 600,
      maxDelayMs: 600,
      random: () => 1,
      immediateAttempts: 0,
    })
    const outcome = outcomeOf(
      timeout(1_000, { clock })(
        inner(async () => {
          calls++
          throw new Error('down')
        }),
      )(delivery()),
    )
    await clock.advance(60_000)
    expect(outcome.error).toBeInstanceOf(TimeoutError)
    expect(calls).toBe(2)
  })

  test('what rejects later is no unhandled rejection', async () => {
    const clock = drivenClock()
    const { handler, calls } = standing()
    const outcome = outcomeOf(timeout(10, { clock })(handler)(delivery()))
    await clock.advance(10)
    calls[0]?.reject(new Error('late'))
    await clock.advance(10)
    expect(outcome.error).toBeInstanceOf(TimeoutError)
  })

  test.each([0, -1, NaN, Infinity])('refuses a limit of %d', (limitMs) => {
    expect(() => timeout(limitMs)).toThrow(RangeError)
  })
})

describe('of a delivery that has a lease', () => {
  const open = () => {
    const clock = drivenClock()
    const lease = new Lease()
    const seen: Delivery[] = []
    const wait = new Promise<void>(() => undefined)
    const given = leased(delivery(), delivery(), lease)
    const outcome = outcomeOf(
      timeout(1_000, { clock })((one) => {
        seen.push(one)
        return wait
      })(given),
    )
    return { clock, lease, outcome, signal: () => seen[0]?.signal }
  }

  test('the signal, asked for before or after, is aborted by the error of the timeout', async () => {
    const [before, after] = [open(), open()]
    const early = before.signal()
    await before.clock.advance(999)
    expect([before.outcome.state, early?.aborted]).toEqual(['pending', false])
    for (const { clock } of [before, after]) await clock.advance(1_000)
    for (const signal of [early, after.signal()]) {
      expect(signal?.aborted).toBe(true)
      expect(signal?.reason).toBeInstanceOf(TimeoutError)
    }
    expect(before.outcome).toMatchObject({ state: 'rejected', error: { name: 'TimeoutError' } })
    expect(before.clock.pending).toBe(0)
  })

  test('the signal is aborted when the message is taken back', () => {
    const { lease, signal } = open()
    lease.lose()
    expect(signal()?.aborted).toBe(true)
    expect(signal()?.reason).toMatchObject({ message: expect.stringContaining("the broker's again") as string })
  })

  test('the signal is not aborted once the handler has settled', async () => {
    const clock = drivenClock()
    const lease = new Lease()
    let own: AbortSignal | undefined
    await timeout(1_000, { clock })(({ signal }) => {
      own = signal
      return Promise.resolve()
    })(leased(delivery(), delivery(), lease))
    lease.lose()
    await clock.advance(2_000)
    expect(own?.aborted).toBe(false)
  })
})

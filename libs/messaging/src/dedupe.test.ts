import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createMetrics } from '@armature/telemetry/metrics'
import { describe, expect, test } from 'vitest'
import { delivery, standing } from './testing-delivery.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { drivenClock } from '@armature/async/clock'
import { dedupe, type DedupeOptions } from './dedupe.ts'

const open = (options: DedupeOptions = {}) => {
  const clock = drivenClock()
  const metrics = createMetrics({ service: 'test' })
  const { handler, calls } = standing()
  const wrapped = dedupe({ clock, metrics, component: 'sink', ...options })(handler)
  const handle = (id: string) => outcomeOf(wrapped(delivery({ id })))
  /** Delivers an id and lets its handler, if it is called, succeed. */
  const succeed = async (id: string) => {
    const before = calls.length
    const outcome = handle(id)
    await clock.advance(0)
    for (const call of calls.slice(before)) call.resolve()
    await clock.advance(0)
    expect(outcome.state).toBe('resolved')
    return calls.length > before
  }
  const discarded = () =>
    metrics.value(commonMetrics.component_discarded_events_total, { component: 'sink', reason: 'duplicate' })
  return { clock, calls, handle, succeed, discarded }
}

describe('dedupe', () => {
  test('handles an id once, and counts the repeats', async () => {
    const { succeed, discarded } = open()
    expect([await succeed('a'), await succeed('b'), await succeed('a'), await succeed('a')]).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect(discarded()).toBe(2)
  })

  test('does not remember a failure', async () => {
    const { clock, calls, handle, succeed, discarded } = open()
    const outcome = handle('a')
    calls[0]?.reject(new Error('down'))
    await clock.advance(0)
    expect(outcome).toMatchObject({ state: 'rejected', error: { message: 'down' } })
    expect(await succeed('a')).toBe(true)
    expect(discarded()).toBe(0)
  })

  test.each(['resolve', 'reject'] as const)('a repeat of one under way waits for its outcome: %s', async (how) => {
    const { clock, calls, handle, discarded } = open()
    const outcomes = [handle('a'), handle('a'), handle('b')]
    await clock.advance(1_000)
    expect(calls).toHaveLength(2)
    expect(outcomes.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending'])
    calls[0]?.[how](new Error('down'))
    await clock.advance(0)
    const settled = how === 'resolve' ? 'resolved' : 'rejected'
    expect(outcomes.map(({ state }) => state)).toEqual([settled, settled, 'pending'])
    expect(discarded()).toBe(how === 'resolve' ? 1 : 0)
  })

  test('forgets an id after the window', async () => {
    const { clock, succeed } = open({ windowMs: 1_000 })
    await succeed('a')
    await clock.advance(999)
    expect(await succeed('a')).toBe(false)
    await clock.advance(1)
    expect(await succeed('a')).toBe(true)
  })

  test('forgets the oldest id for a new one', async () => {
    const { succeed } = open({ maxIds: 2 })
    for (const id of ['a', 'b', 'c']) await succeed(id)
    expect(await succeed('c')).toBe(false)
    expect(await succeed('b')).toBe(false)
    expect(await succeed('a')).toBe(true)
  })

  test('recognises a repeat by what it is told to', async () => {
    const { succeed } = open({ idOf: ({ id }) => id.slice(0, 1) })
    expect([await succeed('a1'), await succeed('a2'), await succeed('b1')]).toEqual([true, false, true])
  })

  test.each([{ maxIds: 0 }, { windowMs: 0 }])('refuses %o', (options) => {
    expect(() => dedupe(options)).toThrow(RangeError)
  })
})

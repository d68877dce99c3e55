import { describe, expect, test } from 'vitest'
import { held, openBus, turn } from '../test/bus.ts'

describe('faults', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('bad')
      },
    ],
    ['rejects', () => Promise.reject(new Error('bad'))],
  ])('a subscriber that %s is reported and disturbs no other', async (_, bad) => {
    const { bus, faults } = openBus()
    const seen: unknown[] = []
    bus.subscribe('t', bad)
    bus.subscribe('t', (event) => seen.push(event))
    await bus.dispatch('t', 1)
    await bus.dispatchSync('t', 2)
    await turn()
    expect(seen.sort()).toEqual([1, 2])
    expect(faults).toHaveLength(2)
    expect(faults).toEqual(
      expect.arrayContaining([{ kind: 'subscriber-error', topic: 't', event: 1, error: new Error('bad') }]),
    )
    expect(bus.counts()).toMatchObject({ handled: 2, failed: 2 })
  })

  test('a topic without subscribers is reported, by dispatch and dispatchSync', async () => {
    const { bus, faults } = openBus()
    bus.subscribe('t', () => undefined)
    await bus.dispatch('x', 1)
    await bus.dispatchSync('y', 2)
    await bus.dispatch('t', 3)
    await turn()
    expect(faults).toEqual(
      expect.arrayContaining([
        { kind: 'unknown-topic', topic: 'x', event: 1 },
        { kind: 'unknown-topic', topic: 'y', event: 2 },
      ]),
    )
    expect(bus.counts()).toMatchObject({ handled: 3, unknownTopic: 2 })
  })

  test('a subscriber that takes too long is reported and no longer waited for', async () => {
    const { bus, clock, faults } = openBus({ executors: 1, subscriberTimeoutMs: 100 })
    const { fn, calls, events } = held()
    bus.subscribe('t', fn, { serial: true })
    await bus.dispatch('t', 1)
    await bus.dispatch('t', 2)
    await clock.advance(99)
    expect(events()).toEqual([1])
    await clock.advance(1)
    expect(events()).toEqual([1, 2])
    expect(faults).toEqual([{ kind: 'subscriber-timeout', topic: 't', event: 1 }])
    calls[1]?.end()
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })

  test('a fault handler that throws is counted', async () => {
    const { bus } = openBus({
      onFault: () => {
        throw new Error('bad handler')
      },
    })
    const seen: unknown[] = []
    bus.subscribe('t', (event) => seen.push(event))
    await bus.dispatch('x', 1)
    await bus.dispatch('t', 2)
    await turn()
    expect(seen).toEqual([2])
    expect(bus.counts().faultHandlerErrors).toBe(1)
  })
})

import { describe, expect, test } from 'vitest'
import { held, openBus, turn } from '../test/bus.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { BusError, type EventBusOptions } from './contract.ts'
import { seededRandom } from '@armature/async/random'

describe('a full queue', () => {
  /** One executor that is busy with `busy`, and a full queue of 1 and 2. */
  const full = async (overflow: EventBusOptions['overflow'], more: Partial<EventBusOptions> = {}) => {
    const opened = openBus({ executors: 1, queueLimit: 2, ...(overflow === undefined ? {} : { overflow }), ...more })
    const { fn, calls, events } = held()
    opened.bus.subscribe('t', fn)
    await opened.bus.dispatch('t', 'busy')
    await turn()
    await opened.bus.dispatch('t', 1)
    await opened.bus.dispatch('t', 2)
    const finish = async () => {
      for (let done = 0; done < calls.length; done++) {
        calls[done]?.end()
        await turn()
      }
      return events()
    }
    return { ...opened, calls, finish }
  }

  test.each<EventBusOptions['overflow']>([undefined, 'wait'])('%s: the dispatch waits, in turn', async (overflow) => {
    const { bus, faults, calls, finish } = await full(overflow)
    const third = outcomeOf(bus.dispatch('t', 3))
    const fourth = outcomeOf(bus.dispatch('t', 4))
    await turn()
    expect([third.state, fourth.state, bus.counts().waiting]).toEqual(['pending', 'pending', 2])
    calls[0]?.end()
    await turn()
    expect([third.state, fourth.state, bus.counts().queued]).toEqual(['resolved', 'pending', 2])
    expect(await finish()).toEqual(['busy', 1, 2, 3, 4])
    expect(faults).toEqual([])
  })

  test('wait: more than maxWaiting are rejected', async () => {
    const { bus, faults, finish } = await full('wait', { maxWaiting: 1 })
    const third = outcomeOf(bus.dispatch('t', 3))
    await expect(bus.dispatch('t', 4)).rejects.toMatchObject({ name: 'BusError', reason: 'full' })
    expect(faults).toMatchObject([{ kind: 'rejected', event: 4 }])
    expect(await finish()).toEqual(['busy', 1, 2, 3])
    expect(third.state).toBe('resolved')
  })

  test('reject: the dispatch is rejected, counted and reported', async () => {
    const { bus, faults, finish } = await full('reject')
    await expect(bus.dispatch('t', 3)).rejects.toBeInstanceOf(BusError)
    void bus.dispatch('t', 4)
    expect(bus.counts()).toMatchObject({ rejected: 2, queued: 2 })
    expect(faults).toMatchObject([
      { kind: 'rejected', event: 3 },
      { kind: 'rejected', event: 4 },
    ])
    expect(await finish()).toEqual(['busy', 1, 2])
    await expect(bus.dispatch('t', 5)).resolves.toBeUndefined()
  })

  test('drop-oldest: the oldest makes room, counted and reported', async () => {
    const { bus, faults, finish } = await full('drop-oldest')
    await bus.dispatch('t', 3)
    expect(bus.counts()).toMatchObject({ dropped: { overflow: 1 }, queued: 2 })
    expect(faults).toEqual([{ kind: 'dropped', reason: 'overflow', topic: 't', event: 1 }])
    expect(await finish()).toEqual(['busy', 2, 3])
  })

  test('drop-oldest: the oldest of all keys', async () => {
    const { bus, faults } = openBus({ executors: 4, queueLimit: 3, overflow: 'drop-oldest' })
    for (const key of ['a', 'b', 'c', 'd', 'e']) void bus.dispatch('t', key, { key })
    expect(faults).toMatchObject([{ event: 'a' }, { event: 'b' }])
    await turn()
  })

  test('holds 10,000 events unless told', async () => {
    const { bus } = openBus({ overflow: 'reject' })
    for (let event = 0; event < 10_000; event++) void bus.dispatch('t', event)
    expect(bus.counts()).toMatchObject({ queued: 10_000, rejected: 0 })
    await expect(bus.dispatch('t', 'one more')).rejects.toMatchObject({ reason: 'full' })
    await bus.close()
  })
})

describe('dispatchSync', () => {
  test('has called the subscribers when it returns', () => {
    const { bus } = openBus()
    const seen: unknown[] = []
    bus.subscribe('t', (event) => seen.push(event))
    void bus.dispatchSync('t', 1)
    expect(seen).toEqual([1])
  })

  test('resolves when asynchronous subscribers have finished', async () => {
    const { bus } = openBus()
    const { fn, calls } = held()
    bus.subscribe('t', fn)
    const outcome = outcomeOf(bus.dispatchSync('t', 1))
    await turn()
    expect([calls.length, outcome.state]).toEqual([1, 'pending'])
    calls[0]?.end()
    await turn()
    expect(outcome.state).toBe('resolved')
  })

  test('waits for its turn with a serial subscriber', async () => {
    const { bus } = openBus()
    const { fn, calls, events } = held()
    bus.subscribe('t', fn, { serial: true })
    await bus.dispatch('t', 1)
    await turn()
    const outcome = outcomeOf(bus.dispatchSync('t', 2))
    await turn()
    expect(events()).toEqual([1])
    calls[0]?.end()
    await turn()
    calls[1]?.end()
    await turn()
    expect([events(), outcome.state]).toEqual([[1, 2], 'resolved'])
  })

  test('is not held up by a full queue', () => {
    const { bus } = openBus({ queueLimit: 1, overflow: 'reject' })
    const seen: unknown[] = []
    bus.subscribe('t', (event) => seen.push(event))
    void bus.dispatch('t', 1)
    void bus.dispatchSync('t', 2)
    expect(seen).toEqual([2])
  })

  test('is bounded', async () => {
    const { bus } = openBus({ executors: 1, maxWaiting: 1 })
    const { fn, calls } = held()
    bus.subscribe('t', fn, { serial: true })
    const outcomes = [outcomeOf(bus.dispatchSync('t', 1)), outcomeOf(bus.dispatchSync('t', 2))]
    await expect(bus.dispatchSync('t', 3)).rejects.toMatchObject({ reason: 'full' })
    for (let call = 0; call < 2; call++) {
      calls[call]?.end()
      await turn()
    }
    expect(outcomes.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
  })
})

describe('close', () => {
  test('handles what is queued and waits, and then says that nothing is left', async () => {
    const { bus, clock } = openBus({ executors: 2, queueLimit: 4 })
    const { fn, calls, events } = held()
    bus.subscribe('t', fn)
    const dispatched = Array.from({ length: 8 }, (_, event) => outcomeOf(bus.dispatch('t', event)))
    const closed = outcomeOf(bus.close({ deadlineMs: 1_000 }))
    for (let call = 0; call < 8; call++) {
      expect(closed.state).toBe('pending')
      await turn()
      calls[call]?.end()
    }
    await turn()
    expect(closed.state).toBe('resolved')
    expect(events()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(dispatched.every(({ state }) => state === 'resolved')).toBe(true)
    expect(await bus.close()).toEqual({ queued: 0, waiting: 0, running: 0 })
    expect(clock.pending).toBe(0)
  })

  test('of an idle bus resolves at once', async () => {
    const { bus } = openBus()
    await expect(bus.close({ deadlineMs: 60_000 })).resolves.toEqual({ queued: 0, waiting: 0, running: 0 })
  })

  test('at the deadline says what was left, drops it by name and calls no subscriber any more', async () => {
    const { bus, clock, faults } = openBus({ executors: 2, queueLimit: 2 })
    const { fn, calls } = held()
    bus.subscribe('t', fn, { serial: true })
    for (const event of [1, 2]) await bus.dispatch('t', event)
    await turn()
    const outcomes = [3, 4, 5].map((event) => outcomeOf(bus.dispatch('t', event)))
    const closed = bus.close({ deadlineMs: 500 })
    await clock.advance(500)
    expect(await closed).toEqual({ queued: 2, waiting: 1, running: 2 })
    expect(outcomes.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'rejected'])
    expect(faults).toMatchObject([
      { kind: 'dropped', reason: 'closed', event: 3 },
      { kind: 'dropped', reason: 'closed', event: 4 },
      { kind: 'rejected', event: 5 },
    ])
    calls[0]?.end()
    await clock.advance(1_000)
    expect(calls).toHaveLength(1)
    expect(bus.counts()).toMatchObject({ accepted: 4, handled: 2, dropped: { closed: 2 }, queued: 0, running: 0 })
  })

  test('takes nothing more, and an unawaited dispatch ends no process', async () => {
    const { bus, faults } = openBus()
    bus.subscribe('t', () => undefined)
    await bus.close()
    void bus.dispatch('t', 1)
    await expect(bus.dispatch('t', 2)).rejects.toMatchObject({ reason: 'closed' })
    await expect(bus.dispatchSync('t', 3)).rejects.toMatchObject({ reason: 'closed' })
    expect(faults).toHaveLength(3)
    expect(bus.counts()).toMatchObject({ accepted: 0, rejected: 3 })
  })
})

test.each([
  { executors: 0 },
  { executors: 1_025 },
  { executors: 1.5 },
  { queueLimit: 0 },
  { maxWaiting: -1 },
  { subscriberTimeoutMs: 0 },
])('refuses %o', (options) => {
  expect(() => openBus(options)).toThrow(RangeError)
})

test.each([1, 2, 3, 4, 5])('the counts balance at every step, seed %d', async (seed) => {
  const random = seededRandom(seed)
  const overflow = (['wait', 'reject', 'drop-oldest'] as const)[seed % 3]
  const { bus } = openBus({
    executors: 3,
    queueLimit: 8,
    maxWaiting: 4,
    ...(overflow === undefined ? {} : { overflow }),
  })
  const { fn, calls } = held()
  bus.subscribe('t', fn)
  bus.subscribe('t', fn.bind(undefined), { serial: true })
  let dispatched = 0
  let ended = 0
  for (let step = 0; step < 500; step++) {
    const what = random.below(10)
    if (what < 5) {
      dispatched++
      bus.dispatch(what === 0 ? 'x' : 't', step, what < 3 ? { key: `k${random.below(5)}` } : {}).catch(() => undefined)
    } else if (what === 5) {
      dispatched++
      bus.dispatchSync('t', step).catch(() => undefined)
    } else if (ended < calls.length) calls[ended++]?.end()
    if (random.below(3) === 0) await turn()
    const { accepted, handled, dropped, queued, running, rejected, waiting } = bus.counts()
    expect(handled + dropped.overflow + dropped.closed + queued + running).toBe(accepted)
    expect(accepted + rejected + waiting).toBe(dispatched)
    expect(queued).toBeLessThanOrEqual(8)
    expect(waiting).toBeLessThanOrEqual(4)
  }
  const closed = bus.close()
  for (; bus.counts().running > 0; await turn()) while (ended < calls.length) calls[ended++]?.end()
  expect(await closed).toEqual({ queued: 0, waiting: 0, running: 0 })
})

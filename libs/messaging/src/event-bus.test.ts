import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../test/delivery.ts'
import { drivenClock } from './clock.ts'
import { createEventBus } from './event-bus.ts'
import { BusError, type BusFault, type EventBusOptions } from './event-bus-contract.ts'
import { seededRandom } from './random.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const open = (options: Partial<EventBusOptions> = {}) => {
  const clock = drivenClock()
  const faults: BusFault[] = []
  const bus = createEventBus({ clock, onFault: (fault) => faults.push(fault), ...options })
  return { bus, clock, faults }
}

/** A subscriber whose calls end when the test says so. */
const held = () => {
  const calls: { event: unknown; end: () => void; fail: (error: unknown) => void }[] = []
  const fn = (event: unknown) =>
    new Promise<void>((resolve, reject) => void calls.push({ event, end: resolve, fail: reject }))
  return { fn, calls, events: () => calls.map(({ event }) => event) }
}

describe('dispatch', () => {
  test('resolves when the event is queued; subscribers are called later, in order', async () => {
    const { bus } = open()
    const seen: unknown[] = []
    bus.subscribe('t', (event, topic) => seen.push([topic, event]))
    const first = bus.dispatch('t', 1)
    await Promise.all([first, bus.dispatch('t', 2), bus.dispatch('t', 3)])
    expect(bus.counts().accepted).toBe(3)
    await turn()
    expect(seen).toEqual([
      ['t', 1],
      ['t', 2],
      ['t', 3],
    ])
  })

  test('never calls a subscriber before it returns', async () => {
    const { bus } = open()
    let called = false
    bus.subscribe('t', () => void (called = true))
    void bus.dispatch('t', 1)
    expect(called).toBe(false)
    await turn()
    expect(called).toBe(true)
  })

  test('reaches every subscriber of the topic and no other', async () => {
    const { bus } = open()
    const seen: string[] = []
    bus.subscribe('t', () => seen.push('first'))
    bus.subscribe('t', () => seen.push('second'))
    bus.subscribe('u', () => seen.push('other'))
    await bus.dispatch('t', 1)
    await turn()
    expect(seen).toEqual(['first', 'second'])
  })

  test('buses do not reach each other', async () => {
    const one = open()
    const other = open()
    const seen: string[] = []
    one.bus.subscribe('t', () => seen.push('one'))
    other.bus.subscribe('t', () => seen.push('other'))
    await one.bus.dispatch('t', 1)
    await turn()
    expect(seen).toEqual(['one'])
  })

  test('lets timers and sockets through under an endless load', async () => {
    const { bus } = open()
    let count = 0
    bus.subscribe('t', async () => {
      count++
      await bus.dispatch('t', 0)
    })
    await bus.dispatch('t', 0)
    for (let turns = 0; turns < 3; turns++) await turn()
    expect(count).toBeGreaterThan(1_000)
    await bus.close({ deadlineMs: 0 })
  })
})

describe('executors', () => {
  test.each([1, 3])('%d handle as many events at once', async (executors) => {
    const { bus } = open({ executors })
    const { fn, calls, events } = held()
    bus.subscribe('t', fn)
    for (let event = 0; event < 5; event++) await bus.dispatch('t', event)
    await turn()
    expect(calls).toHaveLength(executors)
    calls[0]?.end()
    await turn()
    expect(events()).toEqual(Array.from({ length: executors + 1 }, (_, index) => index))
  })

  test('are 8 unless told', async () => {
    const { bus } = open()
    const { fn, calls } = held()
    bus.subscribe('t', fn)
    for (let event = 0; event < 20; event++) await bus.dispatch('t', event)
    await turn()
    expect(calls).toHaveLength(8)
  })

  test('an event is handled when all its subscribers have finished', async () => {
    const { bus } = open({ executors: 1 })
    const slow = held()
    const quick: unknown[] = []
    bus.subscribe('t', slow.fn)
    bus.subscribe('t', (event) => quick.push(event))
    await bus.dispatch('t', 1)
    await bus.dispatch('t', 2)
    await turn()
    expect(quick).toEqual([1])
    slow.calls[0]?.end()
    await turn()
    expect(quick).toEqual([1, 2])
  })
})

describe('ordering key', () => {
  test('events of one key are handled one after the other, in order', async () => {
    const { bus } = open({ executors: 8 })
    const random = seededRandom(5)
    const underWay = new Map<string, number>()
    const seen = new Map<string, number[]>()
    bus.subscribe('t', async (event) => {
      const [key, number] = event as [string, number]
      expect(underWay.get(key) ?? 0).toBe(0)
      underWay.set(key, 1)
      for (let turns = random.below(4); turns > 0; turns--) await turn()
      underWay.set(key, 0)
      seen.set(key, [...(seen.get(key) ?? []), number])
    })
    for (let number = 0; number < 200; number++) {
      const key = `k${number % 20}`
      await bus.dispatch('t', [key, number], { key })
    }
    expect(await bus.close()).toEqual({ queued: 0, waiting: 0, running: 0 })
    expect(seen.size).toBe(20)
    for (const numbers of seen.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  })

  test('a key that is held up does not hold up the others', async () => {
    const { bus } = open({ executors: 8 })
    const { fn, calls, events } = held()
    bus.subscribe('t', fn)
    const keys = ['a', 'a', ...Array.from({ length: 30 }, (_, index) => `b${index}`)]
    for (const key of keys) await bus.dispatch('t', key, { key })
    for (let round = 0; round < 40; round++) {
      await turn()
      for (const call of calls) if (call.event !== 'a') call.end()
    }
    expect(calls.filter(({ event }) => event === 'a')).toHaveLength(1)
    // Only those that share the held executor wait.
    expect(events().length).toBeGreaterThan(20)
  })

  test('events without a key go to any free executor', async () => {
    const { bus } = open({ executors: 2 })
    const { fn, events } = held()
    bus.subscribe('t', fn)
    await bus.dispatch('t', 'first', { key: 'k' })
    await bus.dispatch('t', 'second', { key: 'k' })
    await bus.dispatch('t', 'free')
    await turn()
    expect(events()).toEqual(expect.arrayContaining(['first', 'free']))
    expect(events()).toHaveLength(2)
  })
})

describe('subscribers', () => {
  test('a serial one is called one event at a time, in order, over all its topics', async () => {
    const { bus } = open({ executors: 4 })
    const { fn, calls, events } = held()
    bus.subscribe(['t', 'u'], fn, { serial: true })
    for (const event of [1, 2, 3, 4, 5, 6]) await bus.dispatch(event % 2 === 0 ? 't' : 'u', event)
    for (let number = 1; number <= 6; number++) {
      await turn()
      expect(calls).toHaveLength(number)
      if (number % 2 === 0) calls[number - 1]?.end()
      else calls[number - 1]?.fail(new Error('bad'))
    }
    await turn()
    expect(events()).toEqual([1, 2, 3, 4, 5, 6])
    expect(bus.counts()).toMatchObject({ handled: 6, failed: 3, running: 0 })
  })

  test('a concurrent one is called for several at once', async () => {
    const { bus } = open({ executors: 4 })
    const { fn, calls } = held()
    bus.subscribe('t', fn, { serial: false })
    for (const event of [1, 2, 3, 4, 5, 6]) await bus.dispatch('t', event)
    await turn()
    expect(calls).toHaveLength(4)
  })

  test('can be undone, one subscription or a function as a whole', async () => {
    const { bus } = open()
    const seen: unknown[] = []
    const fn = (event: unknown) => seen.push(event)
    const undo = bus.subscribe('t', fn)
    bus.subscribe(['u', 'v', 'v'], fn)
    expect([bus.isSubscribed('t', fn), bus.isSubscribed('w', fn), bus.isSubscribed('t', () => undefined)]).toEqual([
      true,
      false,
      false,
    ])
    expect(bus.subscribers('v')).toBe(1)
    undo()
    undo()
    expect(bus.isSubscribed('t', fn)).toBe(false)
    bus.subscribe('t', fn)
    undo()
    expect(bus.isSubscribed('t', fn)).toBe(true)
    expect(bus.unsubscribe(fn)).toBe(3)
    expect(bus.subscribers('u')).toBe(0)
    await bus.dispatch('u', 1)
    await turn()
    expect(seen).toEqual([])
  })

  test('a function is subscribed to a topic once', () => {
    const { bus } = open()
    const fn = () => undefined
    bus.subscribe('t', fn)
    expect(() => bus.subscribe(['u', 't'], fn)).toThrow('"t"')
    expect(bus.isSubscribed('u', fn)).toBe(false)
    expect(() => bus.subscribe('t', () => undefined)).not.toThrow()
  })

  test('one that leaves while an event is handled does not disturb the others', async () => {
    const { bus } = open()
    const seen: string[] = []
    const undo = bus.subscribe('t', () => {
      seen.push('first')
      undo()
    })
    bus.subscribe('t', () => seen.push('second'))
    await bus.dispatch('t', 1)
    await bus.dispatch('t', 2)
    await turn()
    expect(seen).toEqual(['first', 'second', 'second'])
  })
})

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
    const { bus, faults } = open()
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
    const { bus, faults } = open()
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
    const { bus, clock, faults } = open({ executors: 1, subscriberTimeoutMs: 100 })
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
    const { bus } = open({
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

describe('a full queue', () => {
  /** One executor that is busy with `busy`, and a full queue of 1 and 2. */
  const full = async (overflow: EventBusOptions['overflow'], more: Partial<EventBusOptions> = {}) => {
    const opened = open({ executors: 1, queueLimit: 2, ...(overflow === undefined ? {} : { overflow }), ...more })
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
    const { bus, faults } = open({ executors: 4, queueLimit: 3, overflow: 'drop-oldest' })
    for (const key of ['a', 'b', 'c', 'd', 'e']) void bus.dispatch('t', key, { key })
    expect(faults).toMatchObject([{ event: 'a' }, { event: 'b' }])
    await turn()
  })

  test('holds 10,000 events unless told', async () => {
    const { bus } = open({ overflow: 'reject' })
    for (let event = 0; event < 10_000; event++) void bus.dispatch('t', event)
    expect(bus.counts()).toMatchObject({ queued: 10_000, rejected: 0 })
    await expect(bus.dispatch('t', 'one more')).rejects.toMatchObject({ reason: 'full' })
    await bus.close()
  })
})

describe('dispatchSync', () => {
  test('has called the subscribers when it returns', () => {
    const { bus } = open()
    const seen: unknown[] = []
    bus.subscribe('t', (event) => seen.push(event))
    void bus.dispatchSync('t', 1)
    expect(seen).toEqual([1])
  })

  test('resolves when asynchronous subscribers have finished', async () => {
    const { bus } = open()
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
    const { bus } = open()
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
    const { bus } = open({ queueLimit: 1, overflow: 'reject' })
    const seen: unknown[] = []
    bus.subscribe('t', (event) => seen.push(event))
    void bus.dispatch('t', 1)
    void bus.dispatchSync('t', 2)
    expect(seen).toEqual([2])
  })

  test('is bounded', async () => {
    const { bus } = open({ executors: 1, maxWaiting: 1 })
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
    const { bus, clock } = open({ executors: 2, queueLimit: 4 })
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
    const { bus } = open()
    await expect(bus.close({ deadlineMs: 60_000 })).resolves.toEqual({ queued: 0, waiting: 0, running: 0 })
  })

  test('at the deadline says what was left, drops it by name and calls no subscriber any more', async () => {
    const { bus, clock, faults } = open({ executors: 2, queueLimit: 2 })
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
    const { bus, faults } = open()
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
  expect(() => open(options)).toThrow(RangeError)
})

test.each([1, 2, 3, 4, 5])('the counts balance at every step, seed %d', async (seed) => {
  const random = seededRandom(seed)
  const overflow = (['wait', 'reject', 'drop-oldest'] as const)[seed % 3]
  const { bus } = open({ executors: 3, queueLimit: 8, maxWaiting: 4, ...(overflow === undefined ? {} : { overflow }) })
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

import { describe, expect, test } from 'vitest'
import { held, openBus, turn } from '../test/bus.ts'
import type { EventBus } from './contract.ts'
import { seededRandom } from '@armature/async/random'

type Bus = EventBus<Record<string, unknown>>

describe('dispatch', () => {
  test('resolves when the event is queued; subscribers are called later, in order', async () => {
    const { bus } = openBus()
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
    const { bus } = openBus()
    let called = false
    bus.subscribe('t', () => void (called = true))
    void bus.dispatch('t', 1)
    expect(called).toBe(false)
    await turn()
    expect(called).toBe(true)
  })

  test('reaches every subscriber of the topic and no other', async () => {
    const { bus } = openBus()
    const seen: string[] = []
    bus.subscribe('t', () => seen.push('first'))
    bus.subscribe('t', () => seen.push('second'))
    bus.subscribe('u', () => seen.push('other'))
    await bus.dispatch('t', 1)
    await turn()
    expect(seen).toEqual(['first', 'second'])
  })

  test('buses do not reach each other', async () => {
    const one = openBus()
    const other = openBus()
    const seen: string[] = []
    one.bus.subscribe('t', () => seen.push('one'))
    other.bus.subscribe('t', () => seen.push('other'))
    await one.bus.dispatch('t', 1)
    await turn()
    expect(seen).toEqual(['one'])
  })

  test('lets timers and sockets through under an endless load', async () => {
    const { bus } = openBus()
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
    const { bus } = openBus({ executors })
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
    const { bus } = openBus()
    const { fn, calls } = held()
    bus.subscribe('t', fn)
    for (let event = 0; event < 20; event++) await bus.dispatch('t', event)
    await turn()
    expect(calls).toHaveLength(8)
  })

  test('an event is handled when all its subscribers have finished', async () => {
    const { bus } = openBus({ executors: 1 })
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
    const { bus } = openBus({ executors: 8 })
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
    const { bus } = openBus({ executors: 8 })
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
    const { bus } = openBus({ executors: 2 })
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
    const { bus } = openBus({ executors: 4 })
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
    const { bus } = openBus({ executors: 4 })
    const { fn, calls } = held()
    bus.subscribe('t', fn, { serial: false })
    for (const event of [1, 2, 3, 4, 5, 6]) await bus.dispatch('t', event)
    await turn()
    expect(calls).toHaveLength(4)
  })

  test('can be undone, one subscription or a function as a whole', async () => {
    const { bus } = openBus()
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

  test.each<[string, (bus: Bus, fn: (event: unknown) => unknown, undo: () => void) => void]>([
    ['unsubscribe', (bus, fn) => void bus.unsubscribe(fn)],
    ['the undo of subscribe', (_bus, _fn, undo) => undo()],
  ])('bug: after %s, events that were under way still began calls', async (_, leave) => {
    const { bus } = openBus()
    const seen: unknown[] = []
    const second = (event: unknown) => void seen.push(event)
    // The first subscriber takes the second one away while the event is handed out.
    bus.subscribe('t', () => leave(bus, second, undo))
    const undo = bus.subscribe('t', second)
    await bus.dispatchSync('t', 1)
    expect(seen).toEqual([])

    const { fn, calls, events } = held()
    const undoHeld = bus.subscribe('u', fn, { serial: true })
    const outcomes = [1, 2, 3].map((event) => bus.dispatchSync('u', event))
    expect(events()).toEqual([1])
    leave(bus, fn, undoHeld)
    // The same function, subscribed anew, takes only what comes after.
    bus.subscribe('u', fn)
    calls[0]?.end()
    await Promise.all(outcomes)
    expect(events()).toEqual([1])
    void bus.dispatchSync('u', 4)
    expect(events()).toEqual([1, 4])
    calls[1]?.end()
    expect(await bus.close()).toEqual({ queued: 0, waiting: 0, running: 0 })
  })

  test('a function is subscribed to a topic once', () => {
    const { bus } = openBus()
    const fn = () => undefined
    bus.subscribe('t', fn)
    expect(() => bus.subscribe(['u', 't'], fn)).toThrow('"t"')
    expect(bus.isSubscribed('u', fn)).toBe(false)
    expect(() => bus.subscribe('t', () => undefined)).not.toThrow()
  })

  test('one that leaves while an event is handled does not disturb the others', async () => {
    const { bus } = openBus()
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

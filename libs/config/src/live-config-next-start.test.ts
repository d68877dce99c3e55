import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { file, open } from '../test/live-world.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe("a change with coldChanges: 'next start'", () => {
  const nextStart = { service: {}, coldChanges: 'next start' } as const

  test('waits where it is of a cold setting, while the hot ones are applied and no restart is asked for', async () => {
    const { begin, set, hooks, events } = await open(nextStart)
    begin()
    await set({ maxInFlight: '2', logLevel: 'debug' })
    expect(hooks.onHot).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ logLevel: 'debug', maxInFlight: 10 }),
      ['logLevel'],
    )
    expect(events).toEqual([
      { kind: 'applied', keys: ['logLevel'] },
      { kind: 'waiting', keys: ['maxInFlight'] },
    ])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(hooks.onRestart).not.toHaveBeenCalled()
  })

  test('is told once, and again with what is new', async () => {
    const { begin, set, events } = await open(nextStart)
    begin()
    await set({ maxInFlight: '2' })
    await set({ maxInFlight: '2', logLevel: 'debug' })
    await set({ maxInFlight: '3', logLevel: 'debug', least: '1' })
    await set({ maxInFlight: '3', logLevel: 'debug', least: '2' })
    expect(events).toEqual([
      { kind: 'waiting', keys: ['maxInFlight'] },
      { kind: 'applied', keys: ['logLevel'] },
      { kind: 'waiting', keys: ['maxInFlight', 'least'] },
      { kind: 'waiting', keys: ['least'] },
    ])
  })

  test('back to what runs no longer waits, and may wait again', async () => {
    const { begin, set, events } = await open(nextStart)
    begin()
    await set({ maxInFlight: '2', least: '1' })
    await set({ maxInFlight: '10', least: '1' })
    await set({})
    await set({ maxInFlight: '2' })
    expect(events).toEqual([
      { kind: 'waiting', keys: ['maxInFlight', 'least'] },
      { kind: 'taken back', keys: ['maxInFlight'] },
      { kind: 'taken back', keys: ['least'] },
      { kind: 'waiting', keys: ['maxInFlight'] },
    ])
  })

  test('waits also where it takes a value away', async () => {
    const { begin, set, events } = await open({ ...nextStart, service: { zone: 'a' } })
    begin()
    await set({})
    await set({ zone: 'a' })
    expect(events).toEqual([
      { kind: 'waiting', keys: ['zone'] },
      { kind: 'taken back', keys: ['zone'] },
    ])
  })

  test('no longer waits once it has begun again', async () => {
    const { begin, set, events } = await open(nextStart)
    begin()
    await set({ maxInFlight: '2' })
    expect(begin().maxInFlight).toBe(2)
    expect(events).toEqual([{ kind: 'waiting', keys: ['maxInFlight'] }])
  })

  test('is in force at the next start, also where KV does not answer then', async () => {
    const kept = file()
    const first = await open({ ...nextStart, kept })
    first.begin()
    await first.set({ maxInFlight: '2' })
    first.live.close()
    const second = await open({ coldChanges: 'next start', kept })
    expect(second.begin().maxInFlight).toBe(2)
    expect(second.events).toEqual([{ kind: 'started without KV', from: 'last good' }])
    await second.set({ maxInFlight: '2' })
    expect(second.events).toHaveLength(1)
  })

  test('that is wrong is rejected, and what waited before it waits on', async () => {
    const kept = file()
    const { begin, set, events, rejected } = await open({ ...nextStart, kept })
    begin()
    await set({ maxInFlight: '2' })
    await set({ maxInFlight: 'many' })
    expect(rejected()).toEqual(['maxInFlight'])
    expect(events.map(({ kind }) => kind)).toEqual(['waiting', 'rejected'])
    expect(kept.writes.at(-1)).toEqual({ maxInFlight: '2' })
  })
})

import { drivenClock } from '@armature/async/clock'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test, vi } from 'vitest'
import type { HandlerStore } from './handler-store.ts'
import { leased, Lease } from './lease.ts'
import { message } from './message.ts'
import { on } from './on.ts'
import { createPerform } from './perform.ts'
import { delivery } from './testing-delivery.ts'
import { timeout } from './timeout.ts'

const limitMs = 100

/** A handler that answers after its time, on a delivery with a lease or without one. */
const late = (isLeased: boolean, options: { readonly store?: HandlerStore<undefined> } = {}) => {
  const clock = drivenClock()
  const publish = vi.fn(() => Promise.resolve())
  const { log, metrics } = testTelemetry('test')
  const answered = Promise.withResolvers<void>()
  const registration = on<undefined>('orders', { name: 'bill', ...options }, async () => {
    await answered.promise
    return message('bills', 'x')
  })
  const perform = createPerform(registration, { publisher: { publish }, group: 'shop.bill', log, metrics })
  const done = vi.fn()
  const given = delivery()
  const handling = timeout(limitMs, { clock })((one) => perform(one).finally(done))(
    isLeased ? leased(given, given, new Lease()) : given,
  )
  /** Resolves when the handler has answered. */
  const answer = async () => {
    answered.resolve()
    await vi.waitFor(() => expect(done).toHaveBeenCalled())
  }
  return { clock, publish, handling, answer }
}

const storing = () => {
  const committed: unknown[] = []
  const store: HandlerStore<undefined> = {
    handle: async (_, work) => {
      committed.push(...(await work(undefined)))
      return 'handled'
    },
  }
  return { store, committed }
}

test.each([[true], [false]])('what a handler returns in time is published (a lease: %s)', async (isLeased) => {
  const { publish, handling, answer } = late(isLeased)
  await answer()
  await handling
  expect(publish).toHaveBeenCalledOnce()
})

test.each([[true], [false]])(
  'bug: an attempt that had timed out published what its handler returned later (a lease: %s)',
  async (isLeased) => {
    const { clock, publish, handling, answer } = late(isLeased)
    const failed = expect(handling).rejects.toThrow('took longer than 100 ms')
    await clock.advance(limitMs)
    await failed
    await answer()
    expect(publish).not.toHaveBeenCalled()
  },
)

test.each([[true], [false]])(
  'bug: an attempt that had timed out committed what its handler did later (a lease: %s)',
  async (isLeased) => {
    const { store, committed } = storing()
    const { clock, handling, answer } = late(isLeased, { store })
    const failed = expect(handling).rejects.toThrow('took longer than 100 ms')
    await clock.advance(limitMs)
    await failed
    await answer()
    expect(committed).toEqual([])
  },
)

test('bug: an attempt that had timed out while it waited for the store called its handler', async () => {
  const lease = new Lease()
  const react = vi.fn(() => undefined)
  const { log, metrics } = testTelemetry('test')
  const { store } = storing()
  const perform = createPerform(on('orders', { name: 'bill', store }, react), {
    publisher: { publish: () => Promise.resolve() },
    ...{ group: 'shop.bill', log, metrics },
  })
  const given = delivery()
  lease.lose(new Error('taken back'))
  await expect(perform(leased(given, given, lease))).rejects.toThrow('taken back')
  expect(react).not.toHaveBeenCalled()
})

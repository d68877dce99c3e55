import { drivenClock } from '@armature/async/clock'
import { expect, test } from 'vitest'
import { join, type JoinOptions } from './join.ts'
import type { Handler } from './ports.ts'
import { delivery } from './testing-delivery.ts'

type Name = 'order' | 'payment'
const windowMs = 60_000

/** The middleware of the parts of a join, around a handler. */
const openJoin = (when: JoinOptions<Name>['when'], next: Handler) => {
  const clock = drivenClock()
  const [order, payment] = join<Name>(
    {
      name: 'settle',
      topics: { order: 'orders', payment: 'payments' },
      keyOf: ({ key }) => key ?? '',
      ...{ when, windowMs, clock },
    },
    () => undefined,
  ).map(({ options: { middleware } }) => middleware?.(next) ?? next)
  if (order === undefined || payment === undefined) throw new Error('a join has a handler for each topic')
  return { clock, order, payment }
}

const part = (topic: string, key: string, signal = new AbortController().signal) =>
  delivery({ id: `${topic}-${key}`, topic, key, signal })

test('bug: a join whose calling message was taken back made dead letters of its others', async () => {
  const called = Promise.withResolvers<void>()
  const { order, payment } = openJoin('all', ({ signal }) => {
    called.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))))
  })
  const lease = new AbortController()
  const other = order(part('orders', 'a'))
  const caller = payment(part('payments', 'a', lease.signal))
  await called.promise
  lease.abort(new Error('taken back'))
  await expect(caller).rejects.toThrow('given up')
  await expect(other).rejects.toMatchObject({ name: 'RedeliverError', reason: 'join-caller-lost' })
})

test('a join whose handler fails fails for all its messages', async () => {
  const { order, payment } = openJoin('all', () => Promise.reject(new Error('no')))
  const other = order(part('orders', 'a'))
  await expect(payment(part('payments', 'a'))).rejects.toThrow('no')
  await expect(other).rejects.toThrow('no')
})

test('bug: the timer of a key that was forgotten, or whose handler failed, went on to the end of the window', async () => {
  const { clock, order } = openJoin('any', ({ key }) =>
    key === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve(),
  )
  await expect(order(part('orders', 'bad'))).rejects.toThrow('no')
  expect(clock.pending).toBe(0)
  const max = 100_000
  for (let key = 0; key <= max; key += 1) await order(part('orders', String(key)))
  expect(clock.pending).toBe(max)
})

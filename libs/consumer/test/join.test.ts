import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { join, type JoinOptions, type ReactJoined } from '@armature/messaging/join'
import { bodyText, message } from '@armature/messaging/message'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { createConsumer } from '../src/consumer.ts'
import { consumerSettings } from '../src/consumer-settings.ts'

type Name = 'order' | 'payment'
const settings = z.object({ ...commonSettings, ...messagingSettings, ...consumerSettings('shop') })
const topics = { order: 'orders', payment: 'payments' } as const
const windowMs = 60_000

const openWorld = async (changed: Partial<JoinOptions<Name>> = {}, react?: ReactJoined<Name>) => {
  const clock = drivenClock()
  const broker = memoryBroker({ clock, partitions: 1 })
  const calls: string[] = []
  const registrations = join<Name>(
    {
      name: 'settle',
      topics,
      keyOf: ({ key }) => key ?? '',
      when: 'all',
      windowMs,
      clock,
      retry: { maxAttempts: 1 },
      ...changed,
    },
    (reaction) => {
      const { order, payment } = reaction.joined
      calls.push(`${order === undefined ? '-' : bodyText(order)}+${payment === undefined ? '-' : bodyText(payment)}`)
      return react?.(reaction)
    },
  )
  const consumer = createConsumer({
    name: 'shop',
    config: settings.parse({}),
    edges: { telemetry: testTelemetry('shop'), clock, openMessaging: () => Promise.resolve(broker.connect()) },
    handlers: registrations,
  })
  onTestFinished(() => consumer.close())
  await consumer.start()
  const client = broker.connect()
  const letters: string[] = []
  for (const topic of ['orders.DLT', 'payments.DLT']) {
    await client.subscribe(topic, (one) =>
      Promise.resolve(void letters.push(`${one.topic} ${bodyText(one)} ${one.headers['dlt-reason']}`)),
    )
  }
  const publish = async (topic: string, key: string, text: string) => {
    await client.publish(topic, [message(topic, text, { key })])
    await clock.advance(10)
  }
  return {
    ...{ clock, calls, letters, publish, broker, consumer },
    books: () => {
      const [row] = consumer.ledger()
      if (row === undefined) throw new Error('no books')
      expect(imbalance(row)).toBe(0)
      return row
    },
  }
}

describe('all of several topics', () => {
  test('are handled together, whichever comes first, each key by itself, and acknowledged only then', async () => {
    const { publish, calls, books } = await openWorld()
    await publish('orders', 'a', 'o1')
    await publish('payments', 'b', 'p2')
    expect(calls).toEqual([])
    expect(books()).toMatchObject({ received: 2, acked: 0, inFlight: 2 })
    await publish('payments', 'a', 'p1')
    await publish('orders', 'b', 'o2')
    expect(calls).toEqual(['o1+p1', 'o2+p2'])
    expect(books()).toMatchObject({ received: 4, acked: 4, inFlight: 0 })
  })

  test('of one key join in order', async () => {
    const { publish, calls } = await openWorld()
    for (const text of ['o1', 'o2']) await publish('orders', 'a', text)
    for (const text of ['p1', 'p2']) await publish('payments', 'a', text)
    expect(calls).toEqual(['o1+p1', 'o2+p2'])
  })

  test('that fail become dead letters, all of them', async () => {
    const { publish, calls, letters } = await openWorld({}, () => {
      throw new Error('no')
    })
    await publish('orders', 'a', 'o1')
    await publish('payments', 'a', 'p1')
    expect(calls).toEqual(['o1+p1'])
    expect(letters.toSorted()).toEqual(['orders.DLT o1 failed', 'payments.DLT p1 failed'])
  })

  test.each([
    ['dead-letter', [], ['orders.DLT o1 join-unmatched'], { deadLettered: 1 }],
    ['drop', [], [], { dropped: { 'join-unmatched': 1 } }],
    ['handle', ['o1+-'], [], { acked: 1 }],
  ] as const)('one that stays alone is at the end of the window: %s', async (unmatched, called, dead, booked) => {
    const { publish, clock, calls, letters, books } = await openWorld({ unmatched })
    await publish('orders', 'a', 'o1')
    await clock.advance(windowMs - 11)
    expect([calls, letters]).toEqual([[], []])
    await clock.advance(11)
    expect([calls, letters]).toEqual([called, dead])
    expect(books()).toMatchObject({ inFlight: 0, ...booked })
    await publish('payments', 'a', 'p1')
    expect(calls).toEqual(called)
  })

  test('are bounded: more wait at the broker, and none is lost', async () => {
    const { publish, books, calls, clock } = await openWorld({ maxPending: 2, unmatched: 'handle' })
    for (const key of ['a', 'b', 'c']) await publish('orders', key, `o-${key}`)
    expect(books()).toMatchObject({ received: 2, inFlight: 2 })
    await clock.advance(2 * windowMs)
    expect(calls).toEqual(['o-a+-', 'o-b+-', 'o-c+-'])
  })

  test('wait no longer when the service closes: they come again', async () => {
    const { publish, clock, consumer, books, broker } = await openWorld()
    await publish('orders', 'a', 'o1')
    await consumer.close()
    expect(books()).toMatchObject({ received: 1, returned: 1, inFlight: 0 })
    const again: string[] = []
    await broker
      .connect()
      .subscribe('orders', (one) => Promise.resolve(void again.push(bodyText(one))), { group: 'shop.settle-order' })
    await clock.advance(1_000)
    expect(again).toEqual(['o1'])
    expect(clock.pending).toBeLessThanOrEqual(1)
  })
})

describe('any of several topics', () => {
  test('the first of a key is handled, the others of the window are acknowledged, a later one is handled', async () => {
    const { publish, clock, calls, books } = await openWorld({ when: 'any' })
    await publish('orders', 'a', 'o1')
    await publish('payments', 'a', 'p1')
    await publish('payments', 'b', 'p2')
    expect(calls).toEqual(['o1+-', '-+p2'])
    expect(books()).toMatchObject({ received: 3, acked: 3 })
    await clock.advance(windowMs)
    await publish('payments', 'a', 'p3')
    expect(calls).toEqual(['o1+-', '-+p2', '-+p3'])
  })

  test('one that fails leaves its place to the next', async () => {
    const { publish, calls, letters } = await openWorld({ when: 'any' }, ({ joined }) => {
      if (joined.order !== undefined) throw new Error('no')
    })
    await publish('orders', 'a', 'o1')
    await publish('payments', 'a', 'p1')
    expect(calls).toEqual(['o1+-', '-+p1'])
    expect(letters).toEqual(['orders.DLT o1 failed'])
  })
})

test.each<[Partial<JoinOptions<Name>>, RegExp]>([
  [{ topics: { order: 'orders' } as never }, /names 1 topics: give two or more/],
  [{ windowMs: 900_001 }, /windowMs of join settle is 900001: give 900000 or less/],
  [{ windowMs: 0 }, /windowMs/],
  [{ maxPending: 0 }, /maxPending/],
])('%j is refused', (changed, problem) => {
  const options = { name: 'settle', topics, keyOf: () => '', when: 'all', windowMs, ...changed } as JoinOptions<Name>
  expect(() => join(options, () => undefined)).toThrow(problem)
})

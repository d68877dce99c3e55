import { outcomeOf } from '@armature/async/testing-outcome'
import { createLedger, imbalance } from '@armature/telemetry/ledger'
import { createMetrics } from '@armature/telemetry/metrics'
import { describe, expect, test } from 'vitest'
import { delivery, standing } from '@armature/messaging/testing-delivery'
import { drivenClock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter } from '@armature/messaging/dead-letter'
import { bookAsDropped } from '@armature/messaging/delivery-notes'
import { Lease, leased } from '@armature/messaging/lease'
import { measure } from '@armature/messaging/measure'
import { memoryBroker } from '../src/broker.ts'
import { bodyText, message } from '@armature/messaging/message'
import { messagingMetrics } from '@armature/messaging/messaging-metrics'
import type { Handler, Publisher, Subscription } from '@armature/messaging/ports'
import { retry } from '@armature/messaging/retry'

const open = (inFlight: () => number = () => 0) => {
  const clock = drivenClock()
  const metrics = createMetrics({ service: 'test' })
  const ledger = createLedger({ stage: 's', inFlight })
  return { clock, metrics, ledger, middleware: measure({ ledger, metrics, clock, system: 'memory', group: 'g' }) }
}

const nowhere: Publisher = { publish: async () => undefined, close: async () => undefined }

const bad: Handler = async () => {
  throw new RangeError('bad')
}

describe('measure', () => {
  test.each<[string, Handler, object]>([
    ['acked', async () => undefined, { acked: 1 }],
    ['returned', bad, { returned: 1 }],
    ['dead-lettered', deadLetter({ publisher: nowhere, handler: 'h' })(bad), { deadLettered: 1 }],
    ['dropped', async (one) => bookAsDropped(one, 'filtered'), { dropped: { filtered: 1 } }],
    [
      'returned, whatever was booked before it failed',
      async (one) => {
        bookAsDropped(one, 'filtered')
        throw new Error('bad')
      },
      { returned: 1, dropped: {} },
    ],
  ])('books %s', async (_, handler, row) => {
    const { ledger, metrics, middleware } = open()
    await middleware(handler)(delivery()).catch(() => undefined)
    expect(ledger.snapshot()).toMatchObject({ received: 1, ...row })
    expect(imbalance(ledger.snapshot())).toBe(0)
    expect(
      metrics.value(messagingMetrics['messaging.client.consumed.messages'], {
        'messaging.destination.name': 'logs.search',
      }),
    ).toBe(1)
    expect(metrics.value(messagingMetrics['messaging.process.duration'], { 'messaging.system': 'memory' })).toBe(1)
  })

  test('passes the outcome on', async () => {
    const { middleware } = open()
    await expect(middleware(bad)(delivery())).rejects.toThrow('bad')
    await expect(middleware(async () => undefined)(delivery())).resolves.toBeUndefined()
  })

  test('says what kind of error a delivery was returned for', async () => {
    const { metrics, middleware } = open()
    await middleware(bad)(delivery()).catch(() => undefined)
    expect(metrics.value(messagingMetrics['messaging.process.duration'], { 'error.type': 'RangeError' })).toBe(1)
  })

  test('a second attempt is not booked as the first one was', async () => {
    const { ledger, middleware } = open()
    let calls = 0
    const handler = compose(
      middleware,
      retry(),
    )(async (one) => {
      if (++calls > 1) return
      bookAsDropped(one, 'filtered')
      throw new Error('again')
    })
    await handler(delivery())
    expect(ledger.snapshot()).toMatchObject({ acked: 1, dropped: {} })
  })

  test('books what is unsettled as returned when the subscription closes, and once', async () => {
    const { ledger, middleware } = open()
    const { handler, calls } = standing()
    const controller = new AbortController()
    const wrapped = middleware(handler)
    const outcomes = [1, 2, 3].map(() => outcomeOf(wrapped(delivery({ signal: controller.signal }))))
    calls[0]?.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    expect(ledger.snapshot()).toMatchObject({ received: 3, acked: 1, returned: 2 })
    calls[1]?.resolve()
    calls[2]?.reject(new Error('late'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(outcomes.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'rejected'])
    expect(ledger.snapshot()).toMatchObject({ received: 3, acked: 1, returned: 2 })
  })

  test.each(['made', 'not made'])(
    'books what was taken back before its handler was called, where its signal is %s',
    async (signal) => {
      const { ledger, middleware } = open()
      const lease = new Lease()
      const leasedDelivery = leased(delivery(), { attempt: 1, position: undefined, undecodable: undefined }, lease)
      lease.lose()
      await middleware(async () => undefined)(signal === 'made' ? { ...leasedDelivery } : leasedDelivery)
      expect(ledger.snapshot()).toMatchObject({ received: 1, acked: 0, returned: 1 })
      expect(imbalance(ledger.snapshot())).toBe(0)
    },
  )

  test('over a broker the books balance at every moment, also after close', async () => {
    const subscriptions: Subscription[] = []
    const { clock, ledger, middleware } = open(() => subscriptions[0]?.inFlight ?? 0)
    const client = memoryBroker({ clock, seed: 3 }).connect()
    const handler: Handler = (one) =>
      new Promise((resolve, reject) => {
        clock.after(50, () => (bodyText(one).endsWith('7') && one.attempt === 1 ? reject(new Error('no')) : resolve()))
      })
    const subscription = await client.subscribe('t', middleware(handler), { group: 'g', maxInFlight: 10 })
    subscriptions.push(subscription)
    await client.publish(
      't',
      Array.from({ length: 100 }, (_, index) => message('t', String(index))),
    )
    let mostInFlight = 0
    for (let step = 0; step < 30; step++) {
      await clock.advance(10)
      mostInFlight = Math.max(mostInFlight, ledger.snapshot().inFlight)
      expect(imbalance(ledger.snapshot())).toBe(0)
    }
    expect(mostInFlight).toBe(10)
    expect(ledger.snapshot().inFlight).toBe(10)
    await subscription.close()
    expect(ledger.snapshot()).toMatchObject({ inFlight: 0 })
    expect(imbalance(ledger.snapshot())).toBe(0)
    await clock.advance(1_000)
    expect(imbalance(ledger.snapshot())).toBe(0)
    expect(ledger.snapshot().returned).toBeGreaterThan(10)
  })
})

import { commonMetrics } from '@armature/telemetry/common-metrics'
import { describe, expect, test } from 'vitest'
import { createMetrics } from '@armature/telemetry/metrics'
import { delivery } from './testing-delivery.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { letterBox } from './testing-letter-box.ts'
import { compose } from './compose.ts'
import { dedupe } from './dedupe.ts'
import { bookAsDropped } from './delivery-notes.ts'
import type { Delivery, Handler } from './ports.ts'

/** Dead letters around what dedupes, or within it. */
const orders = ['dedupe outside', 'dead letters outside'] as const

const open = (order: (typeof orders)[number], handler: Handler) => {
  const metrics = createMetrics({ service: 'test' })
  const { letters, clock, wrap } = letterBox()
  const once = dedupe({ clock, metrics, component: 'sink' })
  const handled: Delivery[] = []
  const last: Handler = async (one) => {
    await handler(one)
    handled.push(one)
  }
  const handle = order === 'dedupe outside' ? once(wrap(last)) : compose(wrap, once)(last)
  const discarded = () =>
    metrics.value(commonMetrics.component_discarded_events_total, { component: 'sink', reason: 'duplicate' })
  return { handle, handled, letters, discarded }
}

describe.each(orders)('dedupe remembers only what was handled, %s', (order) => {
  test('bug: a redriven letter within the window is acknowledged and never handled', async () => {
    let broken = true
    const { handle, handled, letters, discarded } = open(order, async () => {
      if (broken) throw new Error('not yet')
    })
    await handle(delivery())
    expect(letters).toHaveLength(1)
    broken = false
    await handle(delivery({ headers: { 'dlt-redrives': '1' } }))
    expect(handled).toHaveLength(1)
    expect(discarded()).toBe(0)
    await handle(delivery())
    expect(handled).toHaveLength(1)
    expect(discarded()).toBe(1)
  })

  test('bug: one that comes while the first becomes a dead letter is acknowledged with it', async () => {
    const first = Promise.withResolvers<void>()
    let calls = 0
    const { handle, handled, letters } = open(order, () => (++calls === 1 ? first.promise : Promise.resolve()))
    const all = [handle(delivery()), handle(delivery()), handle(delivery())]
    first.reject(new Error('refused'))
    await Promise.allSettled(all)
    // Outside of both the others come again, as the first would have.
    expect(letters.length + handled.length).toBeGreaterThanOrEqual(order === 'dedupe outside' ? 2 : 1)
    if (order === 'dedupe outside') expect([letters.length, handled.length, calls]).toEqual([1, 1, 2])
  })

  test('bug: what a rule gave up is remembered as handled', async () => {
    const { handle, handled } = open(order, async (one) => bookAsDropped(one, 'paused'))
    await handle(delivery())
    await handle(delivery())
    expect(handled).toHaveLength(2)
  })

  test('bug: events of different sources with one id are taken for repeats', async () => {
    const { handle, handled, discarded } = open(order, async () => undefined)
    for (const source of ['/a', '/b', '/c']) await handle(delivery({ headers: { source } }))
    await handle(delivery())
    await handle(delivery({ topic: 'other' }))
    expect(handled).toHaveLength(5)
    expect(discarded()).toBe(0)
  })

  test.each<[string, Partial<Delivery>]>([
    ['body', { body: Buffer.from('other') }],
    ['type', { headers: { type: 'other' } }],
    ['lack of a value', { body: Buffer.of(), tombstone: true }],
  ])('one of the same identity that differs in its %s is a dead letter, not a repeat', async (_, other) => {
    const { handle, handled, letters, discarded } = open(order, async () => undefined)
    await handle(delivery())
    await handle(delivery(other))
    expect(handled).toHaveLength(1)
    expect(discarded()).toBe(0)
    expect(letters).toMatchObject([{ headers: { 'dlt-reason': 'identity-reused' } }])
    expect(letters[0]?.body).toEqual(other.body ?? Buffer.from('body'))
  })

  test('so is one that comes while the first is under way', async () => {
    const first = Promise.withResolvers<void>()
    const { handle, letters } = open(order, () => first.promise)
    const outcomes = [delivery(), delivery({ body: Buffer.from('other') })].map((one) => outcomeOf(handle(one)))
    first.resolve()
    await expect.poll(() => outcomes.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
    expect(letters).toMatchObject([{ headers: { 'dlt-reason': 'identity-reused' } }])
  })
})

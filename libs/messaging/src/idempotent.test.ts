import { drivenClock } from '@armature/async/clock'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { describe, expect, test } from 'vitest'
import { outcomeOf } from '@armature/async/testing-outcome'
import { idempotent } from './idempotent.ts'
import { createMemoryInbox } from './memory-inbox.ts'
import { deadLetter } from './dead-letter.ts'
import type { Delivery } from './ports.ts'
import { delivery, standing } from './testing-delivery.ts'

const leaseMs = 30_000

const open = (options: { keyOf?: (delivery: Delivery) => string; expiryMs?: number } = {}) => {
  const clock = drivenClock()
  const { metrics } = testTelemetry('test')
  const inbox = createMemoryInbox({ clock })
  const { handler, calls } = standing()
  const handle = idempotent({ inbox, handler: 'billing.store', leaseMs, clock, metrics, ...options })(handler)
  const repeats = () => metrics.value(commonMetrics.component_discarded_events_total, { reason: 'duplicate' })
  return { clock, inbox, calls, handle, handler, repeats }
}

describe('a message', () => {
  test('that was handled is acknowledged and not handled again, until its time is over', async () => {
    const { clock, calls, handle, repeats } = open({ expiryMs: 1_000 })
    const first = handle(delivery())
    await clock.advance(0)
    calls[0]?.resolve()
    await first
    await handle(delivery({ attempt: 2 }))
    expect(calls).toHaveLength(1)
    expect(repeats()).toBe(1)
    await clock.advance(1_001)
    void handle(delivery())
    await clock.advance(0)
    expect(calls).toHaveLength(2)
  })

  test('that failed is handled when it comes again', async () => {
    const { clock, calls, handle } = open()
    const first = handle(delivery())
    await clock.advance(0)
    calls[0]?.reject(new Error('no'))
    await expect(first).rejects.toThrow('no')
    void handle(delivery())
    await clock.advance(0)
    expect(calls).toHaveLength(2)
  })

  test('that somebody else is at goes back to the broker, not at once', async () => {
    const { clock, calls, handle } = open()
    void handle(delivery())
    await clock.advance(0)
    const second = outcomeOf(handle(delivery()))
    await clock.advance(499)
    expect(second.state).toBe('pending')
    await clock.advance(1)
    expect(second).toMatchObject({ state: 'rejected', error: { name: 'RedeliverError', reason: 'busy' } })
    expect(calls).toHaveLength(1)
  })

  test('whose handler was killed is handled again when its lease is over', async () => {
    const { clock, calls, handle } = open()
    void handle(delivery())
    await clock.advance(leaseMs + 1)
    void handle(delivery())
    await clock.advance(0)
    expect(calls).toHaveLength(2)
  })

  test('that reuses the identity of another is refused', async () => {
    const { clock, calls, handle } = open()
    const first = handle(delivery())
    await clock.advance(0)
    calls[0]?.resolve()
    await first
    await expect(handle(delivery({ body: Buffer.from('other') }))).rejects.toMatchObject({ reason: 'identity-reused' })
  })

  test('is known by a key of the handler, whatever its id', async () => {
    const { clock, calls, handle } = open({ keyOf: ({ headers }) => headers['order'] ?? '' })
    const first = handle(delivery({ id: 'a', headers: { order: '7' } }))
    await clock.advance(0)
    calls[0]?.resolve()
    await first
    await handle(delivery({ id: 'b', headers: { order: '7' }, body: Buffer.from('other') }))
    void handle(delivery({ id: 'c', headers: { order: '8' } }))
    await clock.advance(0)
    expect(calls).toHaveLength(2)
  })

  test('that became a dead letter within is not remembered as handled', async () => {
    const { clock, inbox, handler, calls } = open()
    const publisher = { publish: () => Promise.resolve(), close: () => Promise.resolve() }
    const handle = idempotent({ inbox, handler: 'h', leaseMs, clock })(
      deadLetter({ publisher, handler: 'h', clock })(handler),
    )
    const first = handle(delivery())
    await clock.advance(0)
    calls[0]?.reject(new Error('no'))
    await first
    void handle(delivery())
    await clock.advance(0)
    expect(calls).toHaveLength(2)
  })
})

test('an inbox that is away is an outage: nothing is handled, and all comes again', async () => {
  const { handler, calls, inbox } = open()
  const away = () => Promise.reject(new Error('connection lost'))
  const never = idempotent({ inbox: { ...inbox, claim: away }, handler: 'h', leaseMs })(handler)
  await expect(never(delivery())).rejects.toMatchObject({ name: 'RedeliverError', reason: 'inbox-away' })
  expect(calls).toEqual([])
  const forgetful = idempotent({ inbox: { ...inbox, finish: away }, handler: 'h', leaseMs })(() => Promise.resolve())
  await expect(forgetful(delivery())).rejects.toThrow(/does not answer \(connection lost\): the message comes again/)
})

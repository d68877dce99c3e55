import { describe, expect, test } from 'vitest'
import { createLedger, imbalance, type LedgerRow } from './ledger.ts'
import { createMetrics } from './metrics.ts'

test('what is settled and what is in flight make up what was received', () => {
  let inFlight = 0
  const ledger = createLedger({ stage: 'sink', inFlight: () => inFlight })
  ledger.received(10)
  inFlight = 4
  ledger.acked(2)
  ledger.returned()
  ledger.deadLettered()
  ledger.dropped('not UTF-8', 2)
  expect(ledger.snapshot()).toEqual({
    stage: 'sink',
    received: 10,
    acked: 2,
    returned: 1,
    deadLettered: 1,
    dropped: { 'not UTF-8': 2 },
    inFlight: 4,
  })
  expect(imbalance(ledger.snapshot())).toBe(0)
})

describe('the imbalance', () => {
  const row: LedgerRow = {
    stage: 'x',
    received: 10,
    acked: 5,
    returned: 1,
    deadLettered: 1,
    dropped: { a: 1, b: 1 },
    inFlight: 1,
  }
  test.each<[Partial<LedgerRow>, number]>([
    [{}, 0],
    [{ received: 11 }, 1],
    [{ acked: 6 }, -1],
    [{ returned: 0 }, 1],
    [{ deadLettered: 0 }, 1],
    [{ dropped: { a: 1 } }, 1],
    [{ inFlight: 0 }, 1],
  ])('with %j is %d', (change, expected) => {
    expect(imbalance({ ...row, ...change })).toBe(expected)
  })
})

test('a leak shows: in flight is read from where the items are, not derived', () => {
  const ledger = createLedger({ stage: 'sink', inFlight: () => 0 })
  ledger.received(3)
  ledger.acked(2)
  expect(imbalance(ledger.snapshot())).toBe(1)
})

test('the row is exported as metrics', () => {
  const metrics = createMetrics({ service: 'demo' })
  const ledger = createLedger({ stage: 'sink', inFlight: () => 2, metrics })
  ledger.received(7)
  ledger.acked(2)
  ledger.returned(1)
  ledger.deadLettered(1)
  ledger.dropped('too long')
  ledger.dropped('too long')
  for (const line of [
    'ledger_received_total{stage="sink"} 7',
    'ledger_acked_total{stage="sink"} 2',
    'ledger_returned_total{stage="sink"} 1',
    'ledger_dead_lettered_total{stage="sink"} 1',
    'ledger_dropped_total{stage="sink",reason="too long"} 2',
    'ledger_in_flight{stage="sink"} 2',
  ])
    expect(metrics.expose()).toContain(`${line}\n`)
})

test('reasons beyond the hundredth are counted as other, none is lost', () => {
  const ledger = createLedger({ stage: 'sink', inFlight: () => 0 })
  ledger.received(150)
  for (let reason = 0; reason < 150; reason++) ledger.dropped(`reason ${reason}`)
  const row = ledger.snapshot()
  expect(row.dropped['other']).toBe(50)
  expect(Object.keys(row.dropped)).toHaveLength(101)
  expect(imbalance(row)).toBe(0)
})

test('a reason may be called as a key of every object', () => {
  const ledger = createLedger({ stage: 'sink', inFlight: () => 0 })
  ledger.received(2)
  ledger.dropped('__proto__')
  ledger.dropped('constructor')
  expect(imbalance(ledger.snapshot())).toBe(0)
})

import { expect, test } from 'vitest'
import { createLedger, imbalance } from './ledger.ts'

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

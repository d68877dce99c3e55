import { commonMetrics } from './common-metrics.ts'
import type { Metrics } from './metrics.ts'

/**
 * The books of one stage: received = acked + returned + dead-lettered + dropped + in flight.
 * `inFlight` is read from the place that holds the unsettled items, never derived from the counts, so that a leak shows.
 */
export interface Ledger {
  received(count?: number): void
  acked(count?: number): void
  /** Not acknowledged, or released at close: it will come again, and is then received again. */
  returned(count?: number): void
  deadLettered(count?: number): void
  dropped(reason: string, count?: number): void
  snapshot(): LedgerRow
}

export interface LedgerRow {
  readonly stage: string
  readonly received: number
  readonly acked: number
  readonly returned: number
  readonly deadLettered: number
  readonly dropped: Readonly<Record<string, number>>
  readonly inFlight: number
}

export interface LedgerOptions {
  stage: string
  /** Reads how many items are not settled, from the place that holds them. */
  inFlight: () => number
  /** The metrics that export the row as `ledger_*`. */
  metrics?: Metrics
}

const maxReasons = 100
const otherReasons = 'other'

/** The books of one stage. It counts up to 100 reasons to drop apart; more of them are counted as `other`. */
export const createLedger = ({ stage, inFlight, metrics }: LedgerOptions): Ledger => {
  const totals = { received: 0, acked: 0, returned: 0, deadLettered: 0 }
  const dropped = new Map<string, number>()
  metrics?.observe(commonMetrics.ledger_received_total, () => totals.received, { stage })
  metrics?.observe(commonMetrics.ledger_acked_total, () => totals.acked, { stage })
  metrics?.observe(commonMetrics.ledger_returned_total, () => totals.returned, { stage })
  metrics?.observe(commonMetrics.ledger_dead_lettered_total, () => totals.deadLettered, { stage })
  metrics?.observe(commonMetrics.ledger_in_flight, inFlight, { stage })
  return {
    received: (count = 1) => void (totals.received += count),
    acked: (count = 1) => void (totals.acked += count),
    returned: (count = 1) => void (totals.returned += count),
    deadLettered: (count = 1) => void (totals.deadLettered += count),
    dropped: (wanted, count = 1) => {
      const reason = dropped.has(wanted) || dropped.size < maxReasons ? wanted : otherReasons
      if (!dropped.has(reason))
        metrics?.observe(commonMetrics.ledger_dropped_total, () => dropped.get(reason) ?? 0, { stage, reason })
      dropped.set(reason, (dropped.get(reason) ?? 0) + count)
    },
    snapshot: () => ({ stage, ...totals, dropped: Object.fromEntries(dropped), inFlight: inFlight() }),
  }
}

/** Returns how many items the ledger lacks. Negative: more were settled than received. 0: it balances. */
export const imbalance = ({ received, acked, returned, deadLettered, dropped, inFlight }: LedgerRow): number =>
  received - acked - returned - deadLettered - Object.values(dropped).reduce((sum, count) => sum + count, 0) - inFlight

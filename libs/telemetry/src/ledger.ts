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

import type { Clock } from '@armature/async/clock'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'

export interface DropCounterOptions {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly ledger: Ledger
}

const warnEveryMs = 1_000

/** Books lines that a full spool drops, each at once, and warns of them at most once a second. */
export const dropCounter = ({ clock, telemetry: { log, metrics }, ledger }: DropCounterOptions) => {
  let notTold = 0
  let isQuiet = false

  const warn = () => {
    if (notTold === 0) return
    log.warn({ lines: notTold }, 'the spool is full: lines are dropped')
    notTold = 0
    isQuiet = true
    clock.after(warnEveryMs, () => {
      isQuiet = false
      warn()
    })
  }

  return (lines: number): void => {
    ledger.dropped('spool-full', lines)
    const labels = { component: 'log-shipper', intentional: true, reason: 'spool-full' }
    metrics.count(commonMetrics.component_discarded_events_total, lines, labels)
    notTold += lines
    if (!isQuiet) warn()
  }
}

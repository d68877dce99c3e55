import type { Ledger } from '@armature/telemetry/ledger'
import type { Metrics } from '@armature/telemetry/metrics'
import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { withNotes, type Settlement } from './delivery-notes.ts'
import { onLost } from './lease.ts'
import { messagingMetrics } from './messaging-metrics.ts'
import type { Middleware } from './ports.ts'

export interface MeasureOptions {
  /** The books of the stage. Its `inFlight` should read the subscription's. */
  readonly ledger: Ledger
  /** Times `messaging.process.duration` and counts `messaging.client.consumed.messages`. */
  readonly metrics?: Metrics
  /** The `messaging.system` label: the driver's scheme, or the name that OpenTelemetry gives the broker. */
  readonly system?: string
  /** The consumer group, for the label. */
  readonly group?: string
  /** Default: the machine's. */
  readonly clock?: Clock
}

type Outcome = Settlement | 'acked' | 'returned'

/**
 * Books each delivery once: received when it comes; then acked, dead-lettered or dropped when the handler resolved, returned when it
 * rejected or was taken back first, as when the subscription was closed. The outermost middleware.
 */
export const measure = ({ ledger, metrics, system, group, clock = systemClock() }: MeasureOptions): Middleware => {
  const book = (outcome: Outcome) => {
    if (outcome === 'acked') ledger.acked()
    else if (outcome === 'returned') ledger.returned()
    else if (outcome === 'dead-lettered') ledger.deadLettered()
    else ledger.dropped(outcome.dropped)
  }

  let labels = labelsOf(system, undefined, group)
  /** Many messages of one topic come one after the other. */
  const labelsFor = (topic: string) => {
    if (labels['messaging.destination.name'] !== topic) labels = labelsOf(system, topic, group)
    return labels
  }

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const startedMs = clock.now()
    const labels = labelsFor(delivery.topic)
    let settled = false
    let endListening: Cancel = () => undefined

    const settle = (outcome: Outcome, errorType?: string) => {
      if (settled) return
      settled = true
      endListening()
      book(outcome)
      const durationMs = Math.max(0, clock.now() - startedMs)
      metrics?.time(messagingMetrics['messaging.process.duration'], durationMs, { ...labels, 'error.type': errorType })
    }

    ledger.received()
    metrics?.count(messagingMetrics['messaging.client.consumed.messages'], 1, labels)
    endListening = onLost(delivery, () => settle('returned', 'closed'))
    try {
      await next(noted)
    } catch (error) {
      settle('returned', error instanceof Error ? error.name : '_OTHER')
      throw error
    }
    settle(notes.settlement ?? 'acked', notes.settlement === 'dead-lettered' ? notes.settlement : undefined)
  }
}

const labelsOf = (system: string | undefined, topic: string | undefined, group: string | undefined) => ({
  'messaging.system': system,
  'messaging.destination.name': topic,
  'messaging.consumer.group.name': group,
})

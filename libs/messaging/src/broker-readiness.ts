import type { Metrics } from '@armature/telemetry/metrics'
import { messagingMetrics } from './messaging-metrics.ts'
import type { Driver } from './ports.ts'

/** A broker that is away for less is an outage that passes: what there is to be done waits. */
export const brokerGoneMs = 15_000

const shownPartitions = 3

/** The readiness checks of a service that needs a broker, by their names: `broker` and `partitions`. */
export const brokerChecks: readonly string[] = ['broker', 'partitions']

/**
 * Why a service that needs the driver's broker is not ready: it has not answered for `brokerGoneMs`, or partitions cannot be read. Empty = it
 * is, also before the driver is open.
 */
export const brokerNotReady = (
  driver: Pick<Driver, 'scheme' | 'health'> | undefined,
): readonly { readonly check: string; readonly reason: string }[] => {
  if (driver === undefined) return []
  const { lostMs, unreadable } = driver.health()
  const lost = `the ${driver.scheme}: broker has not answered for ${Math.floor(lostMs / 1_000)} s`
  const more = unreadable.length > shownPartitions ? `; and ${unreadable.length - shownPartitions} more` : ''
  return [
    ...(lostMs >= brokerGoneMs ? [{ check: 'broker', reason: lost }] : []),
    ...(unreadable.length > 0
      ? [{ check: 'partitions', reason: `${unreadable.slice(0, shownPartitions).join('; ')}${more}` }]
      : []),
  ]
}

/** Metrics of how the driver's broker is. The answer ends them. */
export const observeBroker = (driver: Pick<Driver, 'health'>, metrics: Pick<Metrics, 'observe'>): (() => void) => {
  const ends = [
    metrics.observe(messagingMetrics.messaging_broker_up, () => (driver.health().lostMs === 0 ? 1 : 0)),
    metrics.observe(messagingMetrics.messaging_unreadable_partitions, () => driver.health().unreadable.length),
  ]
  return () => ends.forEach((end) => end())
}

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from '@armature/telemetry/metrics'

const intervalMs = 10_000
const resolutionMs = 20
const percentiles = { '0.5': 50, '0.99': 99, '1': 100 } as const

/**
 * Exports how late the event loop is (`event_loop_delay`), over the last whole interval of 10 s; over the time so far in the
 * first one. The answer ends it.
 */
export const watchLoopDelay = (metrics: Metrics): (() => void) => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  const measure = () => ({ 50: delayMs(50), 99: delayMs(99), 100: delayMs(100) })
  const delayMs = (percentile: number): number => histogram.percentile(percentile) / 1e6
  let last: ReturnType<typeof measure> | undefined
  const timer = setInterval(() => {
    last = measure()
    histogram.reset()
  }, intervalMs).unref()
  const forget = Object.entries(percentiles).map(([quantile, percentile]) =>
    metrics.observe('event_loop_delay', () => (last ?? measure())[percentile], { quantile }),
  )
  return () => {
    clearInterval(timer)
    histogram.disable()
    for (const end of forget) end()
  }
}

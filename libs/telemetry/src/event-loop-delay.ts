import { monitorEventLoopDelay } from 'node:perf_hooks'
import { commonMetrics } from './common-metrics.ts'
import type { Metrics } from './metrics.ts'

export interface EventLoopDelayOptions {
  metrics: Pick<Metrics, 'gauge'>
  /** How often the gauge is set, over what happened since. Default 10 s. */
  intervalMs?: number
}

const resolutionMs = 20
const nanosecondsInMs = 1e6

/**
 * Sets the gauge `event_loop_delay` at each interval to the median, the 99th percentile and the longest delay of the last two
 * intervals. Does not keep the process alive. The answer stops it.
 */
export const watchEventLoopDelay = ({ metrics, intervalMs = 10_000 }: EventLoopDelayOptions): (() => void) => {
  // A histogram misses a delay that begins as it is started. Two that overlap miss none.
  let older = startHistogram()
  let newer = startHistogram()
  const timer = setInterval(() => {
    metrics.gauge(commonMetrics.event_loop_delay, delayMs(older.percentile(50)), { quantile: '0.5' })
    metrics.gauge(commonMetrics.event_loop_delay, delayMs(older.percentile(99)), { quantile: '0.99' })
    metrics.gauge(commonMetrics.event_loop_delay, delayMs(older.max), { quantile: '1' })
    older.disable()
    older = newer
    newer = startHistogram()
  }, intervalMs).unref()
  return () => {
    clearInterval(timer)
    older.disable()
    newer.disable()
  }
}

const startHistogram = () => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return histogram
}

/** The histogram holds how long a timer of `resolutionMs` took; the delay is what it took more. */
const delayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / nanosecondsInMs - resolutionMs)

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

export interface EventLoopDelayOptions {
  metrics: Pick<Metrics, 'gauge'>
  /** How often the gauge is set, over what happened since. Default 10 s. */
  intervalMs?: number
}

const resolutionMs = 20
const nanosecondsInMs = 1e6

/**
 * Sets the gauge `event_loop_delay` to the median, the 99th percentile and the longest delay of each interval. Does not keep
 * the process alive. The answer stops it.
 */
export const watchEventLoopDelay = ({ metrics, intervalMs = 10_000 }: EventLoopDelayOptions): (() => void) => {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  const timer = setInterval(() => {
    metrics.gauge('event_loop_delay', delayMs(histogram.percentile(50)), { quantile: '0.5' })
    metrics.gauge('event_loop_delay', delayMs(histogram.percentile(99)), { quantile: '0.99' })
    metrics.gauge('event_loop_delay', delayMs(histogram.max), { quantile: '1' })
    histogram.reset()
  }, intervalMs).unref()
  return () => {
    clearInterval(timer)
    histogram.disable()
  }
}

/** The histogram holds how long a timer of `resolutionMs` took; the delay is what it took more. */
const delayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / nanosecondsInMs - resolutionMs)

import { expect, test, vi } from 'vitest'
import { commonMetrics } from './common-metrics.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'
import { createMetrics } from './metrics.ts'

const block = (durationMs: number) => {
  const end = performance.now() + durationMs
  while (performance.now() < end);
}

test('a blocked event loop shows as the longest delay of the interval, and no more after it', async () => {
  const metrics = createMetrics({ service: 'demo' })
  const longest = () => metrics.value(commonMetrics.event_loop_delay, { quantile: '1' })
  const stop = watchEventLoopDelay({ metrics, intervalMs: 100 })
  try {
    await vi.waitFor(() => {
      expect(metrics.expose()).toContain('event_loop_delay')
    })
    block(300)
    await expect.poll(longest, { timeout: 5_000 }).toBeGreaterThan(200)
    await expect.poll(longest, { timeout: 5_000 }).toBeLessThan(200)
  } finally {
    stop()
  }
})

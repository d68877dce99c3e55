import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test } from 'vitest'
import { watchLoopDelay } from './loop-delay.ts'

test('a blocked event loop shows until it is no longer watched', async () => {
  const { metrics } = testTelemetry()
  const end = watchLoopDelay(metrics)
  const block = () => {
    const until = performance.now() + 100
    while (performance.now() < until);
  }
  await expect
    .poll(() => {
      block()
      return metrics.value('event_loop_delay', { quantile: '1' })
    })
    .toBeGreaterThan(50)
  end()
  expect(metrics.expose()).not.toContain('quantile="1"')
})

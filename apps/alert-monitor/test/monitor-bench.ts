import { createAlertBook } from '../src/alerts/alert-book.ts'
import type { Notice } from '../src/events.ts'
import { createMonitor } from '../src/rules/monitor.ts'
import { parseRules } from '../src/rules/rules-file.ts'
import type { Sample, SampleType } from '../src/collect/sample.ts'

/** A sample, of a gauge where nothing else is said. */
export const sample = (
  name: string,
  value: number,
  type: SampleType = 'gauge',
  more: Partial<Sample> = {},
): Sample => ({
  name,
  type,
  value,
  weight: 1,
  relative: false,
  tags: {},
  ...more,
})

/** A monitor on a clock that the test drives, and what it told. */
export const bench = (
  rules: unknown[],
  { maxSeries = 100, seriesIdleMs = 600_000, maxSetMembers = 1_000, maxQuantileBins = 1_000 } = {},
) => {
  const notices: Notice[] = []
  const time = { nowMs: 0 }
  const steadyMs = () => time.nowMs
  const book = createAlertBook({
    repeatMs: 3_600_000,
    maxAlerts: 100,
    steadyMs,
    wallMs: steadyMs,
    offer: (notice) => notices.push(notice) > 0,
    onOverflow: () => undefined,
  })
  const monitor = createMonitor({
    rules: parseRules(JSON.stringify({ rules }), 'test'),
    book,
    maxSeries,
    maxSetMembers,
    maxQuantileBins,
    seriesIdleMs,
    steadyMs,
    wallMs: steadyMs,
  })
  /** Runs to `seconds`, judging each second. */
  const until = (seconds: number) => {
    while (time.nowMs < seconds * 1000) {
      time.nowMs += 1000
      monitor.tick()
    }
    return notices.map(({ status, name }) => `${name} ${status}`)
  }
  return { monitor, notices, until, time, book }
}

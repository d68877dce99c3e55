import { createAlertBook } from '../alerts/alert-book.ts'
import type { Sample } from '../collect/sample.ts'
import type { Notice } from '../events.ts'
import { createMonitor, type Unjudged } from './monitor.ts'
import type { Rule } from './rules.ts'

export interface SimulationOptions {
  readonly rules: readonly Rule[]
  /** Where its clock begins, in milliseconds since the epoch. */
  readonly startMs: number
  /** How often the rules are evaluated, in milliseconds of its clock. Default 1,000. */
  readonly everyMs?: number
  /** Called as an alert begins to fire and as it is resolved, at `atMs` of its clock. */
  readonly onNotice?: (notice: Notice, atMs: number) => void
}

/** Rules and alerts on a clock that only its caller moves: what takes a day takes no time here. */
export interface Simulation {
  /** Moves the clock there, evaluating the rules on the way and at the end. A time that has passed changes nothing. */
  advanceTo(atMs: number): void
  /** Moves the clock there and takes a sample, before the rules are evaluated for that time. */
  observe(sample: Sample, atMs: number): 'evaluated' | Unjudged
  /** The alerts that fire now, the oldest first. */
  firing(): readonly Notice[]
}

/** The bounds of a simulation: those of one process that does nothing else. */
const bounds = { maxSeries: 100_000, maxAlerts: 100_000, maxSetMembers: 1_000_000, maxQuantileBins: 10_000_000 }

/** Its clock stands at `startMs`. */
export const createSimulation = ({ rules, startMs, everyMs = 1_000, onNotice }: SimulationOptions): Simulation => {
  let nowMs = startMs
  let tickedMs = startMs
  const steadyMs = () => nowMs - startMs
  const wallMs = () => nowMs
  const book = createAlertBook({
    repeatMs: Infinity,
    maxAlerts: bounds.maxAlerts,
    steadyMs,
    wallMs,
    offer: (notice) => {
      onNotice?.(notice, nowMs)
      return true
    },
    onOverflow: () => undefined,
  })
  const monitor = createMonitor({ rules, book, ...bounds, seriesIdleMs: 86_400_000, steadyMs, wallMs })
  /** Evaluates for each time that is due before `endMs`. */
  const tickBefore = (endMs: number) => {
    while (tickedMs + everyMs < endMs) {
      tickedMs += everyMs
      nowMs = tickedMs
      monitor.tick()
    }
  }

  return {
    advanceTo: (atMs) => {
      tickBefore(atMs + 1)
      nowMs = Math.max(nowMs, atMs)
    },
    observe: (sample, atMs) => {
      tickBefore(atMs)
      nowMs = Math.max(nowMs, atMs)
      return monitor.observe(sample)
    },
    firing: () => book.firing(),
  }
}

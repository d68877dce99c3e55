import { createDetector } from '../anomaly.ts'
import type { AbsenceRule, AnomalyRule, Comparison, RateRule, Rule, ThresholdRule } from './rules.ts'
import type { Sample } from '../collect/sample.ts'
import { createWindow, type Rooms } from './window.ts'

/** The judgement of a rule on a series at a moment. `value` and `threshold` tell why. They are in the metric's unit. */
export interface Verdict {
  readonly active: boolean
  readonly value: number
  readonly threshold: number
}

/** One rule at work on one series. All times are steady milliseconds. */
export interface Judge {
  /** Takes a sample; `value` is absolute, also of a gauge. A verdict is given where the sample decides by itself; `full` where there was no room. */
  add(sample: Pick<Sample, 'weight' | 'member'>, value: number, atMs: number): Verdict | 'full' | undefined
  /** The verdict now. Undefined if there is not enough to judge by. */
  verdict(nowMs: number): Verdict | undefined
  /** Gives back its room. */
  close(): void
}

/** `sinceMs`: when the series was first seen. */
export const createJudge = (rule: Rule, type: Sample['type'], sinceMs: number, rooms: Rooms): Judge => {
  switch (rule.type) {
    case 'threshold':
      return thresholdJudge(rule, sinceMs, rooms)
    case 'rate':
      return type === 'counter' || type === 'meter' ? counterJudge(rule, sinceMs) : slopeJudge(rule)
    case 'absence':
      return absenceJudge(rule, sinceMs)
    case 'anomaly':
      return anomalyJudge(rule)
  }
}

const compare: Readonly<Record<Comparison, (value: number, limit: number) => boolean>> = {
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
}

const looksDown = (op: Comparison): boolean => op === '<' || op === '<='

const thresholdJudge = ({ stat, op, value: limit, windowMs }: ThresholdRule, sinceMs: number, rooms: Rooms): Judge => {
  const quantiles = stat === 'p50' || stat === 'p99'
  const window = createWindow({ windowMs, quantiles, rooms })
  const holds = compare[op]

  /** A quantile lies within the range, so most need not be computed. */
  const outOfReach = (nowMs: number): boolean => {
    const range = window.range(nowMs)
    return range !== undefined && !holds(looksDown(op) ? range.min : range.max, limit)
  }

  return {
    add: ({ weight, member }, value, atMs) => {
      // Members are only ever counted: no other statistic holds them.
      if (member !== undefined && stat !== 'count') return undefined
      return window.add(atMs, value, weight, member) ? undefined : 'full'
    },
    close: () => window.close(),
    verdict: (nowMs) => {
      if (quantiles && outOfReach(nowMs)) return undefined
      const counted = stat === 'count'
      // Too few are only counted over a whole window.
      if (counted && looksDown(op) && nowMs - sinceMs < windowMs) return undefined
      const value = window.stat(stat, nowMs) ?? (counted ? 0 : undefined)
      return value === undefined ? undefined : { active: holds(value, limit), value, threshold: limit }
    },
  }
}

const counterJudge = ({ op, value: limit, windowMs }: RateRule, sinceMs: number): Judge => {
  const window = createWindow({ windowMs, quantiles: false })
  return {
    add: ({ weight }, value, atMs) => void window.add(atMs, value, weight),
    close: () => window.close(),
    verdict: (nowMs) => {
      if (looksDown(op) && nowMs - sinceMs < windowMs) return undefined
      const { sum, coveredMs } = window.sum(nowMs)
      const value = sum / (coveredMs / 1000)
      return { active: compare[op](value, limit), value, threshold: limit }
    },
  }
}

const slopeJudge = ({ op, value: limit, windowMs }: RateRule): Judge => {
  const window = createWindow({ windowMs, quantiles: false })
  return {
    add: ({ weight, member }, value, atMs) => void (member === undefined && window.add(atMs, value, weight)),
    close: () => window.close(),
    verdict: (nowMs) => {
      const value = window.slope(nowMs)
      return value === undefined ? undefined : { active: compare[op](value, limit), value, threshold: limit }
    },
  }
}

/** Its value is the silence in ms. */
const absenceJudge = ({ forMs }: AbsenceRule, sinceMs: number): Judge => {
  let lastMs = sinceMs
  return {
    add: (_, __, atMs) => {
      lastMs = Math.max(lastMs, atMs)
      return undefined
    },
    close: () => undefined,
    verdict: (nowMs) => ({ active: nowMs - lastMs >= forMs, value: nowMs - lastMs, threshold: forMs }),
  }
}

const anomalyJudge = (rule: AnomalyRule): Judge => {
  const detect = createDetector(rule)
  return {
    add: ({ member }, value) => {
      if (member !== undefined) return undefined
      const { anomalous, threshold } = detect(value)
      return anomalous && threshold !== undefined ? { active: true, value, threshold } : undefined
    },
    verdict: () => undefined,
    close: () => undefined,
  }
}

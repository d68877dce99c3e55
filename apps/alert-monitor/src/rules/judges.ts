import type { Sample } from '../collect/sample.ts'
import { createAnomalyJudge } from '../detect/anomaly-judge.ts'
import type { Judge } from './judge.ts'
import { createLimit, looksDown } from './limit.ts'
import { ratioJudge } from './ratio.ts'
import type {
  AbsenceRule,
  AnomalyRule,
  PredictLinearRule,
  QuantileRule,
  RateRule,
  Rule,
  ThresholdRule,
} from './rules.ts'
import { createWindow, type Rooms } from './window.ts'

/** `sinceMs`: when the series was first seen. */
export const createJudge = (rule: Rule, type: Sample['type'], sinceMs: number, rooms: Rooms): Judge => {
  switch (rule.type) {
    case 'threshold':
      return rule.stat === 'p50' || rule.stat === 'p99'
        ? quantileJudge({ ...rule, q: rule.stat === 'p50' ? 0.5 : 0.99 }, rooms)
        : thresholdJudge(rule, sinceMs, rooms)
    case 'quantile':
      return quantileJudge(rule, rooms)
    case 'rate':
      return type === 'counter' || type === 'meter' ? counterJudge(rule, sinceMs) : slopeJudge(rule)
    case 'predict-linear':
      return predictLinearJudge(rule)
    case 'ratio':
      return ratioJudge(rule)
    case 'absence':
      return absenceJudge(rule, sinceMs)
    case 'anomaly':
      return anomalyJudge(rule)
  }
}

const thresholdJudge = (rule: ThresholdRule, sinceMs: number, rooms: Rooms): Judge => {
  const { stat, op, windowMs } = rule
  const window = createWindow({ windowMs, rooms })
  const limit = createLimit(rule)
  const counted = stat === 'count'
  return {
    add: ({ weight, member }, value, atMs) => {
      // Members are only ever counted: no other statistic holds them.
      if (member !== undefined && !counted) return undefined
      return window.add(atMs, value, weight, member) ? undefined : 'full'
    },
    close: () => window.close(),
    verdict: (nowMs) => {
      // Too few are only counted over a whole window.
      if (counted && looksDown(op) && nowMs - sinceMs < windowMs) return limit.judge(undefined)
      return limit.judge(window.stat(stat, nowMs) ?? (counted ? 0 : undefined))
    },
  }
}

const quantileJudge = (rule: Pick<QuantileRule, 'q' | 'op' | 'value' | 'clear' | 'windowMs'>, rooms: Rooms): Judge => {
  const { q, op, windowMs } = rule
  const window = createWindow({ windowMs, quantiles: true, rooms })
  const limit = createLimit(rule)

  /** A quantile lies within the range, so most need not be computed. */
  const outOfReach = (nowMs: number): boolean => {
    const range = window.range(nowMs)
    return range !== undefined && !limit.reaches(looksDown(op) ? range.min : range.max)
  }

  return {
    add: ({ weight, member }, value, atMs) =>
      member !== undefined || window.add(atMs, value, weight) ? undefined : 'full',
    close: () => window.close(),
    verdict: (nowMs) => limit.judge(outOfReach(nowMs) ? undefined : window.quantile(q, nowMs)),
  }
}

const counterJudge = (rule: RateRule, sinceMs: number): Judge => {
  const { op, windowMs } = rule
  const window = createWindow({ windowMs })
  const limit = createLimit(rule)
  return {
    add: ({ weight }, value, atMs) => void window.add(atMs, value, weight),
    close: () => window.close(),
    verdict: (nowMs) => {
      if (looksDown(op) && nowMs - sinceMs < windowMs) return limit.judge(undefined)
      const { sum, coveredMs } = window.sum(nowMs)
      return limit.judge(sum / (coveredMs / 1000))
    },
  }
}

const slopeJudge = (rule: RateRule): Judge => {
  const window = createWindow({ windowMs: rule.windowMs })
  const limit = createLimit(rule)
  return {
    add: ({ weight, member }, value, atMs) => void (member === undefined && window.add(atMs, value, weight)),
    close: () => window.close(),
    verdict: (nowMs) => limit.judge(window.slope(nowMs)),
  }
}

/** The line through half a window or more tells where the values will be. Two values that stand close together tell nothing. */
const predictLinearJudge = (rule: PredictLinearRule): Judge => {
  const { windowMs, inMs } = rule
  const window = createWindow({ windowMs, line: true })
  const limit = createLimit(rule)
  return {
    add: ({ weight, member }, value, atMs) => void (member === undefined && window.add(atMs, value, weight)),
    close: () => window.close(),
    verdict: (nowMs) => {
      const line = window.line(nowMs)
      return limit.judge(line === undefined || line.spanMs < windowMs / 2 ? undefined : line.at(nowMs + inMs))
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
  const judge = createAnomalyJudge(rule)
  return {
    add: ({ member }, value, atMs) => (member === undefined ? judge(value, atMs) : undefined),
    verdict: () => undefined,
    close: () => undefined,
  }
}

import { durationText } from '@armature/config/duration'
import type { Rule } from './rules.ts'

/** A rule on one line: `p99(search) > 500 over 1m for 30s`. */
export const expressionOf = (rule: Rule): string => {
  switch (rule.type) {
    case 'threshold':
      return `${rule.stat}(${seriesOf(rule)}) ${limitOf(rule)}`
    case 'quantile':
      return `quantile(${rule.q}, ${seriesOf(rule)}) ${limitOf(rule)}`
    case 'rate':
      return `rate(${seriesOf(rule)}) ${limitOf(rule, '/s')}`
    case 'predict-linear':
      return `predict-linear(${seriesOf(rule)}, ${durationText(rule.inMs)}) ${limitOf(rule)}`
    case 'ratio': {
      const { stat, denominator, denominatorWhere } = rule
      const below = seriesOf({ metric: denominator, where: denominatorWhere })
      return `${stat}(${seriesOf(rule)}) / ${stat}(${below}) ${limitOf(rule)}`
    }
    case 'absence':
      return `absent(${seriesOf(rule)})${heldText(rule)}`
    case 'anomaly':
      if (rule.minDeviation === undefined) return `anomaly(${seriesOf(rule)}) with a score of ${rule.minScore}`
      return `anomaly(${seriesOf(rule)}) beyond ${rule.minDeviation} and ${rule.score} deviations`
  }
}

const seriesOf = ({ metric, where }: Pick<Rule, 'metric' | 'where'>): string => {
  const tags = Object.entries(where).map(([name, pattern]) => `${name}=${pattern}`)
  return tags.length === 0 ? metric : `${metric}{${tags.join(',')}}`
}

const limitOf = (rule: Extract<Rule, { windowMs: number }>, unit = ''): string => {
  const { op, value, clear, windowMs } = rule
  const until = clear === undefined ? '' : ` until ${clear}${unit}`
  return `${op} ${value}${unit}${until} over ${durationText(windowMs)}${heldText(rule)}`
}

const heldText = ({ forMs }: { readonly forMs: number }): string => (forMs === 0 ? '' : ` for ${durationText(forMs)}`)

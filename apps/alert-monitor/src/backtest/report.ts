import { durationText } from '@armature/config/duration'
import type { BacktestResult, Firing, RuleResult } from './backtest.ts'

/** The result for people: a line for each firing, then a table of the rules. */
export const backtestText = ({ rules, firings }: BacktestResult): string =>
  [...firings.map(firingLine), ...(firings.length > 0 ? [''] : []), ...tableOf(rules), ''].join('\n')

const firingLine = ({ name, labels, summary, firedAtMs, resolvedAtMs, isFlap }: Firing): string => {
  const tags = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  const end = resolvedAtMs === undefined ? 'fires at the end' : `for ${duration(resolvedAtMs - firedAtMs)}`
  return `${new Date(firedAtMs).toISOString()} ${name}{${tags.join(',')}} ${end}${isFlap ? ', a flap' : ''}: ${summary}`
}

const tableOf = (rules: readonly RuleResult[]): readonly string[] => {
  const rows = [
    ['RULE', 'FIRINGS', 'FLAPS', 'FIRING FOR', 'MEAN DELAY', 'MAX DELAY'],
    ...rules.map(({ name, firings, flaps, firingMs, meanDelayMs, maxDelayMs }) => [
      name,
      String(firings),
      String(flaps),
      duration(firingMs),
      meanDelayMs === undefined ? '-' : duration(meanDelayMs),
      maxDelayMs === undefined ? '-' : duration(maxDelayMs),
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Parts of a second say nothing beside hours. */
const duration = (ms: number): string => durationText(ms >= 60_000 ? Math.round(ms / 1_000) * 1_000 : Math.round(ms))

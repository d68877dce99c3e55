import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { choice, list, text, url } from '@armature/config/settings'
import { parseDuration } from '@armature/config/duration'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { renderGraphite } from '../collect/graphite-render.ts'
import { sampleTypes, type SampleType } from '../collect/sample.ts'
import { loadRulesFile } from '../rules/load-rules-file.ts'
import type { Rule } from '../rules/rules.ts'
import { backtest } from './backtest.ts'
import { readCsv } from './csv-history.ts'
import { createHistory, type History } from './history.ts'
import { backtestText } from './report.ts'
import { parseTime } from './time.ts'

const answerTimeoutMs = 60_000
const maxAnswerBytes = 256 * 1_048_576

const settings = z.object({
  from: text().optional().meta({ description: 'First time: 2026-03-01T12:00:00Z, seconds since 1970, or -24h' }),
  to: text().optional().meta({ description: 'Last time, as --from (none = now, or the end of the file)' }),
  graphite: url(['http', 'https']).optional().meta({ description: 'Graphite to read from: http://HOST:PORT' }),
  target: list(text()).default([]).meta({
    description: 'Target for Graphite, several times (none = the metrics of the rules)',
    commas: false,
  }),
  csv: text().optional().meta({ description: 'CSV file to read: timestamp,value or timestamp,metric,value and tags' }),
  metric: text().optional().meta({ description: 'Metric of the values of a CSV file without that column' }),
  sampleType: choice(sampleTypes).default('gauge').meta({ description: 'Type of the values', flag: 'type' }),
  every: text().optional().meta({ description: 'Interval of the evaluation, as 1s (none = as values come, 1s to 1m)' }),
  flapWithin: text().default('10m').meta({ description: 'An alert that fires again so soon after its end flaps' }),
  format: choice(['text', 'json']).default('text').meta({ description: 'How the result is printed' }),
})

type Given = Readonly<z.output<typeof settings>>

/** `alert-monitor backtest RULES`: what the rules would have told of the past. */
export const backtestCommand = command({
  summary: 'Show what a file of rules would have told of the past, read from Graphite or a CSV file',
  positionals: { usage: 'RULES', min: 1, max: 1 },
  settings,
  run: async (given, { positionals: [file = ''], stdout, stderr, signal }) => {
    const { rules } = await loadRulesFile(file)
    const range = rangeOf(given)
    const history = await historyOf(given, rules, range, { signal, warn: (line) => void stderr.write(`${line}\n`) })
    if (history.size === 0)
      throw usage('there is no value in that time', 'Choose another --from and --to, or another --target')
    const flapWithinMs = durationOf('--flap-within', given.flapWithin)
    const everyMs = given.every === undefined ? undefined : durationOf('--every', given.every)
    const startedMs = performance.now()
    const result = backtest({ rules, history, everyMs, flapWithinMs, toMs: range.toMs })
    stdout.write(given.format === 'json' ? `${JSON.stringify(result)}\n` : backtestText(result))
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    stderr.write(`${history.size} values judged each ${result.everyMs / 1000} s, in ${seconds} s\n`)
    for (const [reason, count] of Object.entries(result.unjudged))
      stderr.write(`${count} values were not judged: ${reason}\n`)
    return exitCodes.ok
  },
})

interface Range {
  readonly fromMs: number | undefined
  readonly toMs: number | undefined
}

const rangeOf = ({ from, to }: Given): Range => {
  const nowMs = Date.now()
  const read = (flag: string, given: string | undefined): number | undefined => {
    if (given === undefined) return undefined
    const timeMs = parseTime(given, nowMs)
    if (timeMs === undefined)
      throw usage(`${flag}=${given} is no time`, 'Write 2026-03-01T12:00:00Z, seconds since 1970, -24h or now')
    return timeMs
  }
  const range = { fromMs: read('--from', from), toMs: read('--to', to) }
  if (range.fromMs !== undefined && range.toMs !== undefined && range.fromMs >= range.toMs)
    throw usage('--from is not before --to', 'Give a time before it')
  return range
}

interface Means {
  readonly signal: AbortSignal
  readonly warn: (line: string) => void
}

const historyOf = async (given: Given, rules: readonly Rule[], range: Range, means: Means): Promise<History> => {
  if ((given.graphite === undefined) === (given.csv === undefined))
    throw usage('the values come from Graphite or from a CSV file', 'Give one of --graphite URL and --csv FILE')
  return given.csv === undefined
    ? graphiteHistory(given, rules, range, means)
    : csvHistory(given, given.csv, rules, range, means)
}

const csvHistory = async (
  given: Given,
  path: string,
  rules: readonly Rule[],
  range: Range,
  { warn }: Means,
): Promise<History> => {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  try {
    const metric = given.metric ?? onlyMetric(rules)
    const { history, refused, refusedCount } = await readCsv(lines, { metric, type: given.sampleType, ...range })
    for (const line of refused) warn(`${basename(path)}: ${line}`)
    if (refusedCount > refused.length) warn(`${basename(path)}: ${refusedCount} rows in all hold no value`)
    return history
  } catch (cause) {
    throw new ServiceError(`${path} cannot be read as CSV`, { exitCode: exitCodes.data, cause })
  }
}

/** The metric of all rules, where they have one and it is no pattern. */
const onlyMetric = (rules: readonly Rule[]): string | undefined => {
  const metrics = new Set(rules.map(({ metric }) => metric))
  const [metric] = metrics
  return metrics.size === 1 && metric?.includes('*') === false ? metric : undefined
}

const graphiteHistory = async (
  { graphite = '', target, sampleType }: Given,
  rules: readonly Rule[],
  { fromMs, toMs }: Range,
  { signal, warn }: Means,
): Promise<History> => {
  if (fromMs === undefined) throw usage('a time of Graphite needs a begin', 'Give --from, such as --from=-24h')
  const targets = target.length > 0 ? target : [...new Set(rules.flatMap(metricsOf))]
  try {
    const { series, refused } = await renderGraphite({
      url: graphite,
      targets,
      fromMs,
      ...(toMs !== undefined && { untilMs: toMs }),
      timeoutMs: answerTimeoutMs,
      maxAnswerBytes,
      signal,
    })
    for (const { reason, excerpt } of refused) warn(`${excerpt} is left out: ${reason}`)
    return historyOfSeries(series, sampleType)
  } catch (cause) {
    throw new ServiceError('Graphite gave no values', {
      exitCode: exitCodes.unavailable,
      fix: 'Check the address in --graphite and each --target',
      cause,
    })
  }
}

const historyOfSeries = (all: Awaited<ReturnType<typeof renderGraphite>>['series'], type: SampleType): History => {
  const builder = createHistory()
  for (const { name, tags, points } of all) {
    const series = { name, tags, type }
    for (const { timeMs, value } of points) builder.add(series, timeMs, value)
  }
  return builder.build()
}

const metricsOf = (rule: Rule): readonly string[] =>
  rule.type === 'ratio' ? [rule.metric, rule.denominator] : [rule.metric]

const durationOf = (flag: string, given: string): number => {
  const ms = parseDuration(given)
  if (ms === undefined || ms < 1) throw usage(`${flag}=${given} is no duration`, 'Write 30s, 5m or 1h30m')
  return ms
}

const usage = (problem: string, fix: string): ServiceError =>
  new ServiceError(problem, { exitCode: exitCodes.usage, fix })

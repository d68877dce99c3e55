import type { Metric } from './metric.ts'

export type LabelValues = Readonly<Record<string, string>>

/** One set of labels of a metric with what was recorded under it. */
export interface Series {
  readonly labels: LabelValues
  /** A counter's total, a gauge's last value, a histogram's sum. */
  value: number
  /** Recordings of a histogram. */
  count: number
  /** Recordings at or below each bucket's upper end and above the one before; the last is for those above all. */
  readonly buckets: number[]
}

/** One metric with all its series, at one moment. */
export interface Family {
  readonly metric: Metric
  /** Upper ends of the buckets, in the metric's unit; empty unless it is a histogram. */
  readonly bounds: readonly number[]
  readonly series: readonly Series[]
}

export interface SeriesTable {
  readonly bounds: readonly number[]
  /** The series for these labels; that with `overflowLabels` when the limit is reached and the labels are new. */
  find(labels: Readonly<Record<string, unknown>> | undefined): Series
  all(): IterableIterator<Series>
}

/** Replaces the labels of a metric that has too many sets of them, as in OpenTelemetry. */
export const overflowLabels: LabelValues = { 'otel.metric.overflow': 'true' }

/** OpenTelemetry's advice for durations, in milliseconds. */
export const durationBucketsMs: readonly number[] = [
  5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000,
]

const maxLabelLength = 200

/** The series of one metric. Holds at most `maxSeries` sets of labels, and one more for the overflow. */
export const seriesTable = (metric: Metric, maxSeries: number): SeriesTable => {
  const byKey = new Map<string, Series>()
  const isHistogram = metric.kind === 'timer' || metric.kind === 'histogram'
  const bounds = isHistogram ? (metric.buckets ?? durationBucketsMs) : []
  const create = (key: string, labels: LabelValues): Series => {
    const buckets = isHistogram ? new Array<number>(bounds.length + 1).fill(0) : []
    const series: Series = { labels, value: 0, count: 0, buckets }
    byKey.set(key, series)
    return series
  }
  /** The values of the labels that were looked for last, which are often the next ones. */
  let last: { readonly values: readonly unknown[]; readonly series: Series } | undefined
  const find: SeriesTable['find'] = (labels) => {
    if (last !== undefined && hasValues(metric.labels, labels, last.values)) return last.series
    const series = lookUp(labels)
    last = { values: metric.labels.map((name) => labels?.[name]), series }
    return series
  }
  const lookUp: SeriesTable['find'] = (labels) => {
    const key = labels === undefined ? '' : keyOf(metric.labels, labels)
    const known = byKey.get(key)
    if (known !== undefined) return known
    if (byKey.size < maxSeries) return create(key, labels === undefined ? {} : textLabels(metric.labels, labels))
    return byKey.get(overflowKey) ?? create(overflowKey, overflowLabels)
  }
  return { bounds, find, all: () => byKey.values() }
}

const separator = '\u0000'
const overflowKey = `${separator}overflow`

type Given = Parameters<SeriesTable['find']>[0]

const hasValues = (names: readonly string[], labels: Given, values: readonly unknown[]): boolean => {
  for (let at = 0; at < names.length; at++) if (labels?.[names[at] ?? ''] !== values[at]) return false
  return true
}

const keyOf = (names: readonly string[], labels: Readonly<Record<string, unknown>>): string => {
  let key = ''
  for (const name of names) {
    if (labels[name] === undefined) continue
    const text = textOf(labels[name])
    key += `${name}${separator}${text.length}${separator}${text}`
  }
  return key
}

/** The labels that the metric may have, as bounded text. */
export const textLabels = (names: readonly string[], labels: Readonly<Record<string, unknown>>): LabelValues =>
  Object.fromEntries(names.flatMap((name) => (labels[name] === undefined ? [] : [[name, textOf(labels[name])]])))

const textOf = (value: unknown): string => String(value).slice(0, maxLabelLength)

import { commonMetrics } from './common-metrics.ts'
import type { Metric } from './metric.ts'
import {
  overflowLabels,
  seriesTable,
  textLabels,
  type Family,
  type LabelValues,
  type Series,
  type SeriesTable,
} from './series.ts'

type GivenLabels = Readonly<Record<string, unknown>> | undefined

/** A counter's total or a gauge's value that is read on demand. */
export interface Observed {
  readonly metric: Metric<'counter' | 'gauge'>
  readonly labels: LabelValues
  /** Undefined where the reader failed or found no finite number. */
  read(): number | undefined
}

/** Everything recorded in this process, by metric and labels. Bounded: `maxSeries` sets of labels a metric. */
export interface Store {
  /** Each answers the series, or undefined for a value that cannot be recorded. */
  add(metric: Metric<'counter'>, value: number, labels?: GivenLabels): Series | undefined
  set(metric: Metric<'gauge'>, value: number, labels?: GivenLabels): Series | undefined
  distribute(metric: Metric<'timer' | 'histogram'>, value: number, labels?: GivenLabels): Series | undefined
  readonly observe: (metric: Observed['metric'], read: () => number, labels?: GivenLabels) => () => void
  observed(): Iterable<Observed>
  readonly family: (metric: Metric) => Family
  readonly collect: () => readonly Family[]
}

/**
 * The recorded values, by the name of the metric and its labels. Each metric has at most `maxSeries` sets of labels. `onFirst` is called
 * for each metric once, before anything is recorded of it.
 */
export const createStore = (maxSeries: number, onFirst?: (metric: Metric) => void): Store => {
  const tables = new Map<string, SeriesTable>()
  const known = new Map<string, Metric>()
  const observed = new Set<Observed>()

  const tableOf = (metric: Metric): SeriesTable => {
    const own = tables.get(metric.name)
    if (own !== undefined) return own
    const created = seriesTable(metric, maxSeries)
    tables.set(metric.name, created)
    known.set(metric.name, metric)
    onFirst?.(metric)
    return created
  }

  const seriesOf = (metric: Metric, labels: GivenLabels): Series => {
    const series = tableOf(metric).find(labels)
    if (series.labels === overflowLabels && metric.name !== commonMetrics.telemetry_series_overflow_total.name)
      add(commonMetrics.telemetry_series_overflow_total, 1, { metric: metric.name })
    return series
  }

  const accepts = (metric: Metric, value: number, least: number): boolean => {
    if (Number.isFinite(value) && value >= least) return true
    add(commonMetrics.telemetry_rejected_values_total, 1, { metric: metric.name })
    return false
  }

  const add: Store['add'] = (metric, value, labels) => {
    if (!accepts(metric, value, 0)) return undefined
    const series = seriesOf(metric, labels)
    series.value += value
    return series
  }

  const family = (metric: Metric): Family => {
    const own: Series[] = [...(tables.get(metric.name)?.all() ?? [])]
    for (const entry of observed) {
      const value = entry.metric.name === metric.name ? entry.read() : undefined
      if (value !== undefined) own.push({ labels: entry.labels, value, count: 0, buckets: [] })
    }
    return { metric, bounds: tables.get(metric.name)?.bounds ?? [], series: own }
  }

  return {
    add,
    set: (metric, value, labels) => {
      if (!accepts(metric, value, -Infinity)) return undefined
      const series = seriesOf(metric, labels)
      series.value = value
      return series
    },
    distribute: (metric, value, labels) => {
      if (!accepts(metric, value, metric.kind === 'timer' ? 0 : -Infinity)) return undefined
      const series = seriesOf(metric, labels)
      const { bounds } = tableOf(metric)
      const bucket = bounds.findIndex((bound) => value <= bound)
      const index = bucket === -1 ? bounds.length : bucket
      series.buckets[index] = (series.buckets[index] ?? 0) + 1
      series.value += value
      series.count++
      return series
    },
    observe: (metric, reader, labels) => {
      const read = () => {
        let value = NaN
        try {
          value = reader()
        } catch {
          // Counted below as what it is: no number.
        }
        return accepts(metric, value, -Infinity) ? value : undefined
      }
      tableOf(metric)
      const entry: Observed = { metric, labels: textLabels(metric.labels, labels ?? {}), read }
      observed.add(entry)
      return () => void observed.delete(entry)
    },
    observed: () => observed,
    family,
    collect: () =>
      [...known.values()]
        .sort((one, other) => (one.name < other.name ? -1 : 1))
        .map(family)
        .filter(({ series }) => series.length > 0),
  }
}

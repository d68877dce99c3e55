import { metricNames, type MetricDefinition, type MetricName, type NameOf } from './names.ts'
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
  readonly name: NameOf<'counter' | 'gauge'>
  readonly labels: LabelValues
  /** Undefined where the reader failed or found no finite number. */
  read(): number | undefined
}

/** Everything recorded in this process, by metric and labels. Bounded: `maxSeries` sets of labels a metric. */
export interface Store {
  /** Each answers the series, or undefined for a value that cannot be recorded. */
  add(name: NameOf<'counter'>, value: number, labels?: GivenLabels): Series | undefined
  set(name: NameOf<'gauge'>, value: number, labels?: GivenLabels): Series | undefined
  distribute(name: NameOf<'timer' | 'histogram'>, value: number, labels?: GivenLabels): Series | undefined
  readonly observe: (name: Observed['name'], read: () => number, labels?: GivenLabels) => () => void
  observed(): Iterable<Observed>
  family(name: MetricName): Family
  readonly collect: () => readonly Family[]
}

/** What was recorded, by metric and labels; each metric has at most `maxSeries` sets of labels. */
export const createStore = (maxSeries: number): Store => {
  const tables = new Map<MetricName, SeriesTable>()
  const observed = new Set<Observed>()

  const tableOf = (name: MetricName): SeriesTable => {
    const known = tables.get(name)
    if (known !== undefined) return known
    const created = seriesTable(definitionOf(name), maxSeries)
    tables.set(name, created)
    return created
  }

  const seriesOf = (name: MetricName, labels: GivenLabels): Series => {
    const series = tableOf(name).find(labels)
    if (series.labels === overflowLabels && name !== 'telemetry_series_overflow_total')
      add('telemetry_series_overflow_total', 1, { metric: name })
    return series
  }

  const accepts = (name: MetricName, value: number, least: number): boolean => {
    if (Number.isFinite(value) && value >= least) return true
    add('telemetry_rejected_values_total', 1, { metric: name })
    return false
  }

  const add: Store['add'] = (name, value, labels) => {
    if (!accepts(name, value, 0)) return undefined
    const series = seriesOf(name, labels)
    series.value += value
    return series
  }

  const family = (name: MetricName): Family => {
    const own: Series[] = [...tableOf(name).all()]
    for (const entry of observed) {
      const value = entry.name === name ? entry.read() : undefined
      if (value !== undefined) own.push({ labels: entry.labels, value, count: 0, buckets: [] })
    }
    return { name, definition: definitionOf(name), bounds: tableOf(name).bounds, series: own }
  }

  return {
    add,
    set: (name, value, labels) => {
      if (!accepts(name, value, -Infinity)) return undefined
      const series = seriesOf(name, labels)
      series.value = value
      return series
    },
    distribute: (name, value, labels) => {
      if (!accepts(name, value, definitionOf(name).kind === 'timer' ? 0 : -Infinity)) return undefined
      const series = seriesOf(name, labels)
      const { bounds } = tableOf(name)
      const bucket = bounds.findIndex((bound) => value <= bound)
      const index = bucket === -1 ? bounds.length : bucket
      series.buckets[index] = (series.buckets[index] ?? 0) + 1
      series.value += value
      series.count++
      return series
    },
    observe: (name, reader, labels) => {
      const read = () => {
        let value = NaN
        try {
          value = reader()
        } catch {
          // Counted below as what it is: no number.
        }
        return accepts(name, value, -Infinity) ? value : undefined
      }
      const entry: Observed = { name, labels: textLabels(definitionOf(name).labels, labels ?? {}), read }
      observed.add(entry)
      return () => void observed.delete(entry)
    },
    observed: () => observed,
    family,
    collect: () => {
      const names = new Set([...tables.keys(), ...[...observed].map(({ name }) => name)])
      return [...names].sort().map(family)
    },
  }
}

const definitionOf = (name: MetricName): MetricDefinition => metricNames[name]

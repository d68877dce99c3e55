import { metricNames, type Labels, type MetricDefinition, type MetricName, type NameOf } from './names.ts'
import { prometheusText, type Family } from './prometheus.ts'
import { seriesTable, type LabelValues, type Series, type SeriesTable } from './series.ts'
import { openStatsd, type StatsdOptions } from './statsd.ts'

/**
 * Records what happens. One call goes to StatsD, to OpenTelemetry where it is on, and into `expose()`. No call throws, waits,
 * or grows without bound: a value that is no finite number is counted and left out, labels beyond the limit are counted and
 * replaced.
 */
export interface Metrics {
  /** Adds to a counter; 1 unless told. */
  count<N extends NameOf<'counter'>>(name: N, value?: number, labels?: Labels<N>): void
  /** Records one duration. */
  time<N extends NameOf<'timer'>>(name: N, durationMs: number, labels?: Labels<N>): void
  gauge<N extends NameOf<'gauge'>>(name: N, value: number, labels?: Labels<N>): void
  /** Records one value of a distribution. */
  record<N extends NameOf<'histogram'>>(name: N, value: number, labels?: Labels<N>): void
  /**
   * A counter's total or a gauge's value that is read when somebody asks (and every 10 s for StatsD). A reader that throws is
   * left out and counted. The answer removes it.
   */
  observe<N extends NameOf<'counter' | 'gauge'>>(name: N, read: () => number, labels?: Labels<N>): () => void
  /** Everything recorded so far, by name. */
  collect(): readonly Family[]
  /** Everything recorded so far in the Prometheus text format. */
  expose(): string
  /** A counter's total, a gauge's value, a timer's or histogram's number of recordings; over all series that have these labels. */
  value<N extends MetricName>(name: N, labels?: Labels<N>): number
  /** Sends what is buffered, within a second. What is recorded later is kept but not sent. Safe to call twice. */
  close(): Promise<void>
}

export interface MetricsOptions {
  service: string
  /** Undefined = nothing is sent. */
  statsd?: StatsdOptions | undefined
  /** Sets of labels a metric may have. Default 1,000. */
  maxSeries?: number
}

interface Observed {
  readonly name: MetricName
  readonly read: () => number
  readonly labels: LabelValues
  /** What StatsD was last told of a counter. */
  sent: number
}

const defaultMaxSeries = 1_000
const observeIntervalMs = 10_000

export const createMetrics = ({ statsd, maxSeries = defaultMaxSeries }: MetricsOptions): Metrics => {
  const tables = new Map<MetricName, SeriesTable>()
  const observed = new Set<Observed>()

  const tableOf = (name: MetricName): SeriesTable => {
    const known = tables.get(name)
    if (known !== undefined) return known
    const created = seriesTable(name, metricNames[name], maxSeries)
    tables.set(name, created)
    return created
  }

  const seriesOf = (name: MetricName, labels: Readonly<Record<string, unknown>> | undefined): Series => {
    const { series, overflowed } = tableOf(name).find(labels)
    if (overflowed && name !== 'telemetry_series_overflow_total')
      count('telemetry_series_overflow_total', 1, { metric: name })
    return series
  }

  const accepts = (name: MetricName, value: number, least: number): boolean => {
    if (Number.isFinite(value) && value >= least) return true
    count('telemetry_rejected_values_total', 1, { metric: name })
    return false
  }

  const count: Metrics['count'] = (name, value = 1, labels) => {
    if (!accepts(name, value, 0)) return
    const series = seriesOf(name, labels)
    series.value += value
    sink?.counter(name, value, series.labels)
  }

  const distribute = (name: NameOf<'timer' | 'histogram'>, value: number, labels?: object): Series | undefined => {
    if (!accepts(name, value, metricNames[name].kind === 'timer' ? 0 : -Infinity)) return undefined
    const series = seriesOf(name, labels as Readonly<Record<string, unknown>> | undefined)
    series.value += value
    series.count++
    const { bounds } = tableOf(name)
    const bucket = bounds.findIndex((bound) => value <= bound)
    const index = bucket === -1 ? bounds.length : bucket
    series.buckets[index] = (series.buckets[index] ?? 0) + 1
    return series
  }

  const onError = () => {
    count('telemetry_errors_total', 1, { sink: 'statsd' })
  }
  const sink = statsd === undefined ? undefined : openStatsd({ ...statsd, onError })

  const read = (entry: Observed): number | undefined => {
    try {
      const value = entry.read()
      return accepts(entry.name, value, -Infinity) ? value : undefined
    } catch {
      count('telemetry_rejected_values_total', 1, { metric: entry.name })
      return undefined
    }
  }

  const sendObserved = () => {
    for (const entry of observed) {
      const value = read(entry)
      if (value === undefined) continue
      if (metricNames[entry.name].kind === 'gauge') sink?.gauge(entry.name, value, entry.labels)
      else if (value > entry.sent) {
        sink?.counter(entry.name, value - entry.sent, entry.labels)
        entry.sent = value
      }
    }
  }
  const observing = sink === undefined ? undefined : setInterval(sendObserved, observeIntervalMs).unref()

  const collect = (): readonly Family[] => {
    const readings = [...observed].map((entry) => ({ entry, value: read(entry) }))
    const names = new Set<MetricName>([...tables.keys(), ...[...observed].map(({ name }) => name)])
    return [...names].sort().map((name) => {
      const definition: MetricDefinition = metricNames[name]
      const own = readings.flatMap(({ entry, value }) =>
        entry.name === name && value !== undefined ? [{ labels: entry.labels, value, count: 0, buckets: [] }] : [],
      )
      const { bounds } = tableOf(name)
      return { name, definition, bounds, series: [...(tables.get(name)?.all() ?? []), ...own] }
    })
  }

  let closed: Promise<void> | undefined
  return {
    count,
    time: (name, durationMs, labels) => {
      const series = distribute(name, durationMs, labels)
      if (series !== undefined) sink?.timer(name, durationMs, series.labels)
    },
    gauge: (name, value, labels) => {
      if (!accepts(name, value, -Infinity)) return
      const series = seriesOf(name, labels)
      series.value = value
      sink?.gauge(name, value, series.labels)
    },
    record: (name, value, labels) => {
      const series = distribute(name, value, labels)
      if (series !== undefined) sink?.histogram(name, value, series.labels)
    },
    observe: (name, reader, labels) => {
      const entry: Observed = { name, read: reader, labels: textLabels(labels ?? {}), sent: 0 }
      observed.add(entry)
      return () => void observed.delete(entry)
    },
    collect,
    expose: () => prometheusText(collect()),
    value: (name, labels) => {
      const wanted = Object.entries(textLabels(labels ?? {}))
      const family = collect().find((one) => one.name === name)
      const matching = (family?.series ?? []).filter((one) =>
        wanted.every(([label, text]) => one.labels[label] === text),
      )
      const kind = metricNames[name].kind
      return matching.reduce((sum, one) => sum + (kind === 'counter' || kind === 'gauge' ? one.value : one.count), 0)
    },
    close: () =>
      (closed ??= (async () => {
        clearInterval(observing)
        sendObserved()
        await sink?.close()
      })()),
  }
}

const textLabels = (labels: object): LabelValues =>
  Object.fromEntries(
    Object.entries(labels).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )

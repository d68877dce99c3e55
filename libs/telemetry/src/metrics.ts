import type { Meter } from '@opentelemetry/api'
import { commonMetrics } from './common-metrics.ts'
import type { Labels, Metric, MetricKind } from './metric.ts'
import { otelRecorder } from './otel-recorder.ts'
import { prometheusText } from './prometheus.ts'
import { textLabels, type Family } from './series.ts'
import { createStatsd, type StatsdOptions } from './statsd.ts'
import { createStore, type Observed } from './store.ts'

/**
 * Records what happens. One call goes to StatsD, to OpenTelemetry where it is on, and into `expose()`. No call throws, waits,
 * or grows without bound: a value that is no finite number is counted and left out, labels beyond the limit are counted and
 * replaced.
 */
export interface Metrics {
  readonly service: string
  /** Adds to a counter; 1 unless told. */
  count<L extends string>(metric: Metric<'counter', L>, value?: number, labels?: Labels<NoInfer<L>>): void
  /** Records one duration. */
  time<L extends string>(metric: Metric<'timer', L>, durationMs: number, labels?: Labels<NoInfer<L>>): void
  gauge<L extends string>(metric: Metric<'gauge', L>, value: number, labels?: Labels<NoInfer<L>>): void
  /** Records one value of a distribution. */
  record<L extends string>(metric: Metric<'histogram', L>, value: number, labels?: Labels<NoInfer<L>>): void
  /**
   * A counter's total or a gauge's value that is read when somebody asks (and every 10 s for StatsD). A reader that throws is
   * left out and counted. The answer removes it.
   */
  readonly observe: <L extends string>(
    metric: Metric<'counter' | 'gauge', L>,
    read: () => number,
    labels?: Labels<NoInfer<L>>,
  ) => () => void
  /** Everything recorded so far, by name. */
  readonly collect: () => readonly Family[]
  /** Everything recorded so far in the Prometheus text format. */
  expose(): string
  /** A counter's total, a gauge's value, a timer's or histogram's number of recordings; over all series that have these labels. */
  value<L extends string>(metric: Metric<MetricKind, L>, labels?: Labels<NoInfer<L>>): number
  /** Sends what is buffered, within a second. What is recorded later is kept but not sent. Safe to call twice. */
  close(): Promise<void>
}

export interface MetricsOptions {
  service: string
  /** Undefined = nothing is sent. */
  statsd?: StatsdOptions | undefined
  /** OpenTelemetry's meter, as soon as there is one. Left out = nothing goes there. */
  meter?: Promise<Meter | undefined> | undefined
  /** Sets of labels a metric may have. Default 1,000. */
  maxSeries?: number
  /** Called for each packet that could not be sent, after it was counted. */
  onError?: (sink: string, error: unknown) => void
}

const defaultMaxSeries = 1_000
const observeIntervalMs = 10_000

/** The metrics of one service. Opens a UDP socket where `statsd` is given; never throws. */
export const createMetrics = (options: MetricsOptions): Metrics => {
  const { statsd, meter, maxSeries = defaultMaxSeries } = options
  const store = createStore(maxSeries, (metric) => otel?.watch(metric))
  const failed = (sink: string, error: unknown) => {
    count(commonMetrics.telemetry_errors_total, 1, { sink })
    options.onError?.(sink, error)
  }
  const lines =
    statsd === undefined
      ? undefined
      : createStatsd({
          ...statsd,
          onError: (error) => {
            failed('statsd', error)
          },
        })
  const otel =
    meter === undefined
      ? undefined
      : otelRecorder({
          meter,
          read: store.family,
          onDiscard: () => {
            failed('otlp', new Error('too many recordings wait for the OpenTelemetry SDK'))
          },
        })

  const count: Metrics['count'] = (metric, value = 1, labels) => {
    const series = store.add(metric, value, labels)
    if (series !== undefined) lines?.counter(metric.name, value, series.labels)
  }

  const told = new Map<Observed, number>()
  const sendObserved = () => {
    for (const entry of store.observed()) {
      const value = entry.read()
      if (value === undefined) continue
      const { name, kind } = entry.metric
      if (kind === 'gauge') lines?.gauge(name, value, entry.labels)
      else {
        const change = value - (told.get(entry) ?? 0)
        if (change > 0) lines?.counter(name, change, entry.labels)
        told.set(entry, value)
      }
    }
  }
  const observing = lines === undefined ? undefined : setInterval(sendObserved, observeIntervalMs).unref()

  let closed: Promise<void> | undefined
  return {
    service: options.service,
    count,
    time: (metric, durationMs, labels) => {
      const series = store.distribute(metric, durationMs, labels)
      if (series === undefined) return
      lines?.timer(metric.name, durationMs, series.labels)
      otel?.record(metric, durationMs, series.labels)
    },
    gauge: (metric, value, labels) => {
      const series = store.set(metric, value, labels)
      if (series !== undefined) lines?.gauge(metric.name, value, series.labels)
    },
    record: (metric, value, labels) => {
      const series = store.distribute(metric, value, labels)
      if (series === undefined) return
      lines?.histogram(metric.name, value, series.labels)
      otel?.record(metric, value, series.labels)
    },
    observe: store.observe,
    collect: store.collect,
    expose: () => prometheusText(store.collect()),
    value: (metric, labels) => {
      const wanted = Object.entries(textLabels(metric.labels, labels ?? {}))
      const isTotal = metric.kind === 'counter' || metric.kind === 'gauge'
      return store
        .family(metric)
        .series.filter((one) => wanted.every(([label, text]) => one.labels[label] === text))
        .reduce((sum, one) => sum + (isTotal ? one.value : one.count), 0)
    },
    close: () =>
      (closed ??= (async () => {
        clearInterval(observing)
        if (lines === undefined) return
        sendObserved()
        await lines.close()
      })()),
  }
}

/** The metrics of several services in one Prometheus text, told apart by the label `service`. */
export const exposeTogether = (services: readonly Metrics[]): string => {
  const families = new Map<string, Family>()
  for (const { service, collect } of services)
    for (const family of collect()) {
      const series = family.series.map((one) => ({ ...one, labels: { service, ...one.labels } }))
      const { name } = family.metric
      families.set(name, { ...family, series: [...(families.get(name)?.series ?? []), ...series] })
    }
  return prometheusText([...families.values()].sort((a, b) => (a.metric.name < b.metric.name ? -1 : 1)))
}

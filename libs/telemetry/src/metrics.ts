import type { Meter } from '@opentelemetry/api'
import { metricNames, type Labels, type MetricName, type NameOf } from './names.ts'
import { otelRecorder } from './otel-recorder.ts'
import { prometheusText } from './prometheus.ts'
import { textLabels, type Family } from './series.ts'
import { openStatsd, type StatsdOptions } from './statsd.ts'
import { createStore, type Observed } from './store.ts'

/**
 * Records what happens. One call goes to StatsD, to OpenTelemetry where it is on, and into `expose()`. No call throws, waits,
 * or grows without bound: a value that is no finite number is counted and left out, labels beyond the limit are counted and
 * replaced.
 */
export interface Metrics {
  readonly service: string
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
  readonly observe: <N extends NameOf<'counter' | 'gauge'>>(
    name: N,
    read: () => number,
    labels?: Labels<N>,
  ) => () => void
  /** Everything recorded so far, by name. */
  readonly collect: () => readonly Family[]
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
  /** OpenTelemetry's meter, as soon as there is one. Left out = nothing goes there. */
  meter?: Promise<Meter | undefined> | undefined
  /** Sets of labels a metric may have. Default 1,000. */
  maxSeries?: number
  /** Told of each packet that could not be sent, after it was counted. */
  onError?: (sink: string, error: unknown) => void
}

const defaultMaxSeries = 1_000
const observeIntervalMs = 10_000

/** The metrics of one service. Opens a UDP socket where `statsd` is given; never throws. */
export const createMetrics = (options: MetricsOptions): Metrics => {
  const { statsd, meter, maxSeries = defaultMaxSeries } = options
  const store = createStore(maxSeries)
  const failed = (sink: string, error: unknown) => {
    count('telemetry_errors_total', 1, { sink })
    options.onError?.(sink, error)
  }
  const lines =
    statsd === undefined
      ? undefined
      : openStatsd({
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
          collect: store.collect,
          onDiscard: () => {
            failed('otlp', new Error('too many recordings wait for the OpenTelemetry SDK'))
          },
        })

  const count: Metrics['count'] = (name, value = 1, labels) => {
    const series = store.add(name, value, labels)
    if (series !== undefined) lines?.counter(name, value, series.labels)
  }

  const told = new Map<Observed, number>()
  const sendObserved = () => {
    for (const entry of store.observed()) {
      const value = entry.read()
      if (value === undefined) continue
      if (metricNames[entry.name].kind === 'gauge') lines?.gauge(entry.name, value, entry.labels)
      else {
        const change = value - (told.get(entry) ?? 0)
        if (change > 0) lines?.counter(entry.name, change, entry.labels)
        told.set(entry, value)
      }
    }
  }
  const observing = lines === undefined ? undefined : setInterval(sendObserved, observeIntervalMs).unref()

  let closed: Promise<void> | undefined
  return {
    service: options.service,
    count,
    time: (name, durationMs, labels) => {
      const series = store.distribute(name, durationMs, labels)
      if (series === undefined) return
      lines?.timer(name, durationMs, series.labels)
      otel?.record(name, durationMs, series.labels)
    },
    gauge: (name, value, labels) => {
      const series = store.set(name, value, labels)
      if (series !== undefined) lines?.gauge(name, value, series.labels)
    },
    record: (name, value, labels) => {
      const series = store.distribute(name, value, labels)
      if (series === undefined) return
      lines?.histogram(name, value, series.labels)
      otel?.record(name, value, series.labels)
    },
    observe: store.observe,
    collect: store.collect,
    expose: () => prometheusText(store.collect()),
    value: (name, labels) => {
      const { kind, labels: known } = metricNames[name]
      const wanted = Object.entries(textLabels(known, labels ?? {}))
      const isTotal = kind === 'counter' || kind === 'gauge'
      return store
        .family(name)
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
  const families = new Map<MetricName, Family>()
  for (const { service, collect } of services)
    for (const family of collect()) {
      const series = family.series.map((one) => ({ ...one, labels: { service, ...one.labels } }))
      const before = families.get(family.name)?.series ?? []
      families.set(family.name, { ...family, series: [...before, ...series] })
    }
  return prometheusText([...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))
}

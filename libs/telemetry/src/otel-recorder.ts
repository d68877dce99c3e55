import type { Histogram, Meter } from '@opentelemetry/api'
import type { Metric } from './metric.ts'
import { durationBucketsMs, type Family, type LabelValues } from './series.ts'

/** Passes recordings on to OpenTelemetry. */
export interface OtelRecorder {
  /** Has a counter or a gauge read at each export from now on, so that nothing is lost while the SDK loads. Others are ignored. */
  readonly watch: (metric: Metric) => void
  /** Records one value of a timer or histogram. */
  record(metric: Metric, value: number, labels: LabelValues): void
}

export interface OtelRecorderOptions {
  /** Undefined when the SDK could not be loaded. */
  meter: Promise<Meter | undefined>
  /** Returns the value of a counter or gauge now. */
  read: (metric: Metric) => Family
  /** Called for each recording that came while the SDK was loading and too many waited already. */
  onDiscard: () => void
}

/** Recordings of histograms that wait for the SDK. */
const maxWaiting = 10_000

/** Takes recordings to OpenTelemetry's meter as soon as there is one; those made before that wait, up to a limit. */
export const otelRecorder = ({ meter, read, onDiscard }: OtelRecorderOptions): OtelRecorder => {
  const waiting: { metric: Metric; value: number; labels: LabelValues }[] = []
  const histograms = new Map<string, Histogram>()
  const watched = new Set<Metric>()
  let ready: Meter | undefined
  let failed = false

  const record: OtelRecorder['record'] = (metric, value, labels) => {
    if (failed) return
    if (ready === undefined) {
      if (waiting.length < maxWaiting) waiting.push({ metric, value, labels })
      else onDiscard()
      return
    }
    const histogram = histograms.get(metric.name) ?? createHistogram(ready, metric)
    histograms.set(metric.name, histogram)
    histogram.record(scaled(metric, value), labels)
  }

  const watch: OtelRecorder['watch'] = (metric) => {
    if (ready === undefined) watched.add(metric)
    else observe(ready, metric, read)
  }

  void meter.then((loaded) => {
    if (loaded === undefined) failed = true
    else {
      ready = loaded
      for (const metric of watched) watch(metric)
      for (const { metric, value, labels } of waiting) record(metric, value, labels)
    }
    watched.clear()
    waiting.length = 0
  })
  return { watch, record }
}

/** OpenTelemetry wants seconds. */
const isDuration = ({ unit }: Metric): boolean => unit === 'ms'

const scaled = (metric: Metric, value: number): number => (isDuration(metric) ? value / 1_000 : value)

const optionsOf = (metric: Metric) => ({ description: metric.help, unit: isDuration(metric) ? 's' : metric.unit })

const createHistogram = (meter: Meter, metric: Metric): Histogram => {
  const bounds = metric.buckets ?? durationBucketsMs
  const advice = { explicitBucketBoundaries: bounds.map((bound) => scaled(metric, bound)) }
  return meter.createHistogram(metric.name, { ...optionsOf(metric), advice })
}

const observe = (meter: Meter, metric: Metric, read: OtelRecorderOptions['read']): void => {
  if (metric.kind !== 'counter' && metric.kind !== 'gauge') return
  const create = metric.kind === 'counter' ? 'createObservableCounter' : 'createObservableGauge'
  meter[create](metric.name, optionsOf(metric)).addCallback((result) => {
    for (const { value, labels } of read(metric).series) result.observe(scaled(metric, value), labels)
  })
}

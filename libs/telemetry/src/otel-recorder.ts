import type { Histogram, Meter, Observable } from '@opentelemetry/api'
import { metricNames, type MetricDefinition, type MetricName } from './names.ts'
import { durationBucketsMs, type Family, type LabelValues } from './series.ts'

/** Passes recordings on to OpenTelemetry. */
export interface OtelRecorder {
  /** Records one value of a timer or histogram. */
  record(name: MetricName, value: number, labels: LabelValues): void
}

export interface OtelRecorderOptions {
  /** Undefined when the SDK could not be loaded. */
  meter: Promise<Meter | undefined>
  /** Counters and gauges are read here at each export, so that none is lost while the SDK loads. */
  collect: () => readonly Family[]
  /** Told of each recording that came while the SDK was loading and too many waited already. */
  onDiscard: () => void
}

/** Recordings of histograms that wait for the SDK. */
const maxWaiting = 10_000

/** Takes recordings to OpenTelemetry's meter as soon as there is one; those made before that wait, up to a limit. */
export const otelRecorder = ({ meter, collect, onDiscard }: OtelRecorderOptions): OtelRecorder => {
  const waiting: { name: MetricName; value: number; labels: LabelValues }[] = []
  const histograms = new Map<MetricName, Histogram>()
  let ready: Meter | undefined
  let failed = false

  const record: OtelRecorder['record'] = (name, value, labels) => {
    if (failed) return
    if (ready === undefined) {
      if (waiting.length < maxWaiting) waiting.push({ name, value, labels })
      else onDiscard()
      return
    }
    const histogram = histograms.get(name) ?? createHistogram(ready, name)
    histograms.set(name, histogram)
    histogram.record(scaled(name, value), labels)
  }

  void meter.then((loaded) => {
    if (loaded === undefined) failed = true
    else {
      ready = loaded
      observe(loaded, collect)
      for (const { name, value, labels } of waiting) record(name, value, labels)
    }
    waiting.length = 0
  })
  return { record }
}

const definitionOf = (name: MetricName): MetricDefinition => metricNames[name]

/** OpenTelemetry wants seconds. */
const isDuration = (name: MetricName): boolean => metricNames[name].unit === 'ms'

const scaled = (name: MetricName, value: number): number => (isDuration(name) ? value / 1_000 : value)

const optionsOf = (name: MetricName) => ({
  description: definitionOf(name).help,
  unit: isDuration(name) ? 's' : definitionOf(name).unit,
})

const createHistogram = (meter: Meter, name: MetricName): Histogram => {
  const bounds = definitionOf(name).buckets ?? durationBucketsMs
  const advice = { explicitBucketBoundaries: bounds.map((bound) => scaled(name, bound)) }
  return meter.createHistogram(name, { ...optionsOf(name), advice })
}

const observe = (meter: Meter, collect: () => readonly Family[]): void => {
  const instruments = new Map<string, Observable>()
  for (const name of Object.keys(metricNames) as MetricName[]) {
    const { kind } = metricNames[name]
    if (kind === 'counter') instruments.set(name, meter.createObservableCounter(name, optionsOf(name)))
    if (kind === 'gauge') instruments.set(name, meter.createObservableGauge(name, optionsOf(name)))
  }
  meter.addBatchObservableCallback(
    (result) => {
      for (const { name, series } of collect()) {
        const instrument = instruments.get(name)
        if (instrument === undefined) continue
        for (const { value, labels } of series) result.observe(instrument, scaled(name, value), labels)
      }
    },
    [...instruments.values()],
  )
}

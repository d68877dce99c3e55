import type { Metric } from './metric.ts'
import type { Family, LabelValues, Series } from './series.ts'

/**
 * The Prometheus text format, version 0.0.4. Names and units as the OpenTelemetry specification maps them: other characters
 * than letters, digits and `_` become `_`, milliseconds become seconds, a counter ends in `_total`.
 */
export const prometheusText = (families: readonly Family[]): string =>
  families.map((family) => familyLines(family).join('\n')).join('\n') + (families.length === 0 ? '' : '\n')

/** Returns the name of a metric in the Prometheus text. */
export const prometheusName = ({ name, kind, unit }: Metric): string => {
  const base = name.replaceAll(/[^a-zA-Z0-9_]/g, '_')
  const stem = kind === 'counter' ? base.replace(/_total$/, '') : base
  const suffix = unit === 'ms' ? '_seconds' : unit === 'By' ? '_bytes' : ''
  const withUnit = stem.endsWith(suffix) ? stem : stem + suffix
  return kind === 'counter' ? `${withUnit}_total` : withUnit
}

const familyLines = ({ metric, bounds, series }: Family): readonly string[] => {
  const exported = prometheusName(metric)
  const isHistogram = metric.kind === 'timer' || metric.kind === 'histogram'
  const scale = metric.unit === 'ms' ? 1_000 : 1
  return [
    `# HELP ${exported} ${escapeHelp(metric.help)}`,
    `# TYPE ${exported} ${isHistogram ? 'histogram' : metric.kind}`,
    ...series.flatMap((one) =>
      isHistogram
        ? histogramLines(exported, one, bounds, scale)
        : [`${exported}${labelText(one.labels)} ${number(one.value / scale)}`],
    ),
  ]
}

const histogramLines = (name: string, series: Series, bounds: readonly number[], scale: number): readonly string[] => {
  let below = 0
  const buckets = bounds.map((bound, index) => {
    below += series.buckets[index] ?? 0
    return `${name}_bucket${labelText(series.labels, number(bound / scale))} ${below}`
  })
  return [
    ...buckets,
    `${name}_bucket${labelText(series.labels, '+Inf')} ${series.count}`,
    `${name}_sum${labelText(series.labels)} ${number(series.value / scale)}`,
    `${name}_count${labelText(series.labels)} ${series.count}`,
  ]
}

const labelText = (labels: LabelValues, bucket?: string): string => {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escapeValue(value)}"`,
  )
  if (bucket !== undefined) pairs.push(`le="${bucket}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const number = (value: number): string => (Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf')

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

export type MetricKind = 'counter' | 'timer' | 'gauge' | 'histogram'

/** The definition of one metric. */
export interface MetricDefinition<Kind extends MetricKind = MetricKind, Label extends string = string> {
  /** A timer is a histogram of durations. */
  readonly kind: Kind
  /** `ms` is exported as seconds to OpenTelemetry and Prometheus and as it is to StatsD; `By` = bytes, `{event}` = a count of. */
  readonly unit: 'ms' | 'By' | '1' | `{${string}}`
  readonly help: string
  /** The label names that a recording may have. Their values must come from a small set. */
  readonly labels: readonly Label[]
  /** Upper ends of the histogram's buckets, in its unit. */
  readonly buckets?: readonly number[]
}

/** A metric that a project has declared by `defineMetrics`. It is recorded by itself, not by its name. */
export interface Metric<Kind extends MetricKind = MetricKind, Label extends string = string> extends MetricDefinition<
  Kind,
  Label
> {
  readonly name: string
}

/** The labels that a metric may have. A missing one is exported as not there. */
export type Labels<Label extends string> = {
  readonly [Name in Label]?: string | number | boolean | undefined
}

type Registry<Definitions extends Readonly<Record<string, MetricDefinition>>> = {
  readonly [Name in keyof Definitions]: Metric<Definitions[Name]['kind'], Definitions[Name]['labels'][number]>
}

/**
 * Declares the metrics of one project by their names, in a file `src/<subject>-metrics.ts`: tidy reads those files, so that no two
 * projects declare the same name and the table of all metrics is complete.
 */
export const defineMetrics = <const Definitions extends Readonly<Record<string, MetricDefinition>>>(
  definitions: Definitions,
): Registry<Definitions> =>
  Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, { name, ...definition }]),
  ) as unknown as Registry<Definitions>

import { prometheusName } from '@armature/telemetry/prometheus'
import type { Metric } from '@armature/telemetry/metric'
import { isTest, sourcesOf, type Tree, type Violation } from './tree.ts'

/** The metrics that one file declares. */
export type MetricFile = { readonly path: string; readonly metrics: readonly Metric[] }

const declaring = /^(?:apps|libs|tools|examples)\/[^/]+\/src\/[a-z0-9-]+-metrics\.ts$/

/** The files that declare metrics, of all projects. */
export const metricFilesOf = (tree: Tree): string[] =>
  tree.files.map(({ path }) => path).filter((path) => declaring.test(path))

const spelling = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/

/** The templates of generators hold declarations as text. */
const isTemplate = (path: string): boolean => path.startsWith('tools/scaffold/src/')

/**
 * Metrics are declared in files where the table of all metrics finds them, each name once in the workspace, also as Prometheus has it, and
 * spelled so that StatsD, Prometheus and OpenTelemetry take it.
 */
export const declaredMetrics =
  (load: (tree: Tree) => Promise<readonly MetricFile[]>) =>
  async (tree: Tree): Promise<Violation[]> => {
    const elsewhere = sourcesOf(tree)
      .filter(
        ({ path, text }) =>
          /\bdefineMetrics\(/.test(text) && !isTest(path) && !declaring.test(path) && !isTemplate(path),
      )
      .map(({ path }) => ({ path, problem: 'declares metrics: do it in a file src/<subject>-metrics.ts' }))
    const owners = new Map<string, string>()
    const problems = (await load(tree)).flatMap(({ path, metrics }) => [
      ...(metrics.length === 0 ? [{ path, problem: 'exports no metrics of defineMetrics' }] : []),
      ...(isSorted(metrics) ? [] : [{ path, problem: 'the metrics are not in alphabetical order' }]),
      ...metrics.flatMap((metric) => {
        const taken = exportedNames(metric).find((name) => owners.has(name))
        const owner = taken === undefined ? undefined : owners.get(taken)
        for (const name of exportedNames(metric)) owners.set(name, path)
        return [
          ...faultsOf(metric),
          ...(owner === undefined ? [] : [`is exported as ${taken}, which is also in ${owner}`]),
        ].map((fault) => ({ path, problem: `the metric ${metric.name} ${fault}` }))
      }),
    ])
    return [...elsewhere, ...problems]
  }

const isSorted = (metrics: readonly Metric[]): boolean =>
  metrics.every(({ name }, index) => index === 0 || (metrics[index - 1]?.name ?? '') < name)

const faultsOf = ({ name, labels, help, kind, unit }: Metric): string[] => [
  ...(spelling.test(name) ? [] : ['has a name that StatsD, Prometheus or OpenTelemetry does not take']),
  ...labels.filter((label) => !spelling.test(label)).map((label) => `has the label ${label}, which they do not take`),
  ...(/^[A-Z].*[^.]$/.test(help) ? [] : ['has a help that is no sentence without its full stop']),
  ...(kind !== 'timer' || unit === 'ms' ? [] : [`is a timer in ${unit}: timers are in ms`]),
]

/** The names that the metric takes in Prometheus's text. A histogram takes four. */
const exportedNames = (metric: Metric): string[] => {
  const own = prometheusName(metric)
  return metric.kind === 'timer' || metric.kind === 'histogram'
    ? [own, `${own}_count`, `${own}_sum`, `${own}_bucket`]
    : [own]
}

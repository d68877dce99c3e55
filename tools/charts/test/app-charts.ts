import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** The folder of all charts. */
export const chartsFolder = join(import.meta.dirname, '../../../helm')

/** The names of the charts of apps. */
export const appCharts: readonly string[] = globSync('*/chart.json', { cwd: chartsFolder })
  .map((path) => basename(dirname(path)))
  .sort()

/** Whether all five services are here: some tests are about the platform that they make together. */
export const isWhole = ['search-service', 'log-shipper', 'aggregator', 'alert-monitor', 'reactor'].every((app) =>
  appCharts.includes(app),
)

/** Each chart of an app with each file of values for tests: `ci/*-values.yaml`. */
export const chartsWithValues: readonly (readonly [chart: string, values: string])[] = appCharts.flatMap((chart) =>
  globSync('ci/*-values.yaml', { cwd: join(chartsFolder, chart) })
    .sort()
    .map((values) => [chart, values] as const),
)

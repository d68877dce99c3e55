import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settingsTable } from '@armature/config/table'
import { type MetricDefinition, metricNames } from '@armature/telemetry/names'
import { createProjectGraphAsync } from '@nx/devkit'
import { type Arrow } from './arrows.ts'
import { promisesTable } from './safeguards.ts'
import { type Table } from './tables.ts'
import { type Tree } from './tree.ts'

type Settings = Parameters<typeof settingsTable>[0]

/** The tables that documents must have: the settings of each app, the metrics, and the promises. */
export const tablesOf =
  (root: string) =>
  async (tree: Tree): Promise<readonly Table[]> => {
    const configs = tree.files.filter(({ path }) => /^apps\/[^/]+\/src\/config\.ts$/.test(path))
    return [
      ...(await Promise.all(configs.map(({ path }) => settingsOf(root, path)))),
      metricsTable(),
      await promisesTable(),
    ]
  }

const settingsOf = async (root: string, source: string): Promise<Table> => {
  const { settings } = (await import(pathToFileURL(join(root, source)).href)) as { settings: Settings }
  const lines = settingsTable(settings).trim().split('\n')
  return { readme: source.replace('src/config.ts', 'README.md'), source, heading: 'Setting', lines }
}

const metricsTable = (): Table => {
  const rows = Object.entries<MetricDefinition>(metricNames).map(([name, { kind, unit, labels, help }]) =>
    row(`\`${name}\``, kind, unit, labels.map((label) => `\`${label}\``).join(', ') || 'none', help),
  )
  const lines = [row('Metric', 'Kind', 'Unit', 'Labels', 'What it is'), row(...Array<string>(5).fill('---')), ...rows]
  return { readme: 'libs/telemetry/README.md', source: 'libs/telemetry/src/names.ts', heading: 'Metric', lines }
}

const row = (...cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

/** The arrows between projects that `nx graph` shows, by folder. */
export const graphArrows = async (): Promise<readonly Arrow[]> => {
  const { nodes, dependencies } = await createProjectGraphAsync({ exitOnError: false })
  return Object.values(dependencies).flatMap((found) =>
    found.flatMap(({ source, target }) => {
      const from = nodes[source]?.data.root
      const to = nodes[target]?.data.root
      return from === undefined || to === undefined ? [] : [{ from, to }]
    }),
  )
}

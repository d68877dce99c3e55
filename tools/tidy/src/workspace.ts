import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settingGroups, splitSettings } from '@armature/config/setting-groups'
import { settingsTable } from '@armature/config/table'
import { loadSafeguards } from '@armature/mutate/safeguards'
import type { Metric } from '@armature/telemetry/metric'
import { createProjectGraphAsync } from '@nx/devkit'
import { type Arrow } from './arrows.ts'
import { type MetricFile, metricFilesOf } from './metric-files.ts'
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
      ...sharedSettings(),
      metricsTable(await metricFiles(root)(tree)),
      await promisesTable(() => loadSafeguards(root)),
    ]
  }

const settingsPage = 'libs/config/SETTINGS.md'

const tableLines = (settings: Settings): string[] => settingsTable(settings).trim().split('\n')

/** The settings of one app alone, and links to those that it shares with others. */
const settingsOf = async (root: string, source: string): Promise<Table> => {
  const { settings } = (await import(pathToFileURL(join(root, source)).href)) as { settings: Settings }
  const { own, groups } = splitSettings(settings)
  const links = groups.map(({ title }) => `../../${settingsPage}#${title.toLowerCase().replaceAll(' ', '-')}`)
  return {
    readme: source.replace('src/config.ts', 'README.md'),
    source,
    heading: 'Setting',
    links,
    lines: tableLines(own),
  }
}

/** The page of the settings that services share. */
const sharedSettings = (): Table[] =>
  settingGroups.map(({ title, settings }) => ({
    readme: settingsPage,
    source: 'libs/config/src/setting-groups.ts',
    heading: 'Setting',
    section: title,
    lines: tableLines(settings),
  }))

/** Loads the files that declare metrics. */
export const metricFiles =
  (root: string) =>
  (tree: Tree): Promise<MetricFile[]> =>
    Promise.all(
      metricFilesOf(tree).map(async (path) => {
        const exported = (await import(pathToFileURL(join(root, path)).href)) as Readonly<Record<string, object>>
        return { path, metrics: Object.values(exported).flatMap((registry) => Object.values(registry) as Metric[]) }
      }),
    )

const metricsTable = (files: readonly MetricFile[]): Table => {
  const metrics = files.flatMap(({ path, metrics: own }) =>
    own.map((metric) => ({ ...metric, project: path.split('/').slice(0, 2).join('/') })),
  )
  const rows = metrics
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, kind, unit, labels, help, project }) =>
      row(`\`${name}\``, kind, unit, labels.map((label) => `\`${label}\``).join(', ') || 'none', help, project),
    )
  const heading = ['Metric', 'Kind', 'Unit', 'Labels', 'What it is', 'Declared by']
  const lines = [row(...heading), row(...heading.map(() => '---')), ...rows]
  return { readme: 'libs/telemetry/METRICS.md', source: 'src/*-metrics.ts of all projects', heading: 'Metric', lines }
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

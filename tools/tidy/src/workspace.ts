import { createProjectGraphAsync } from '@nx/devkit'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settingsTable } from '@armature/config/table'
import { metricNames } from '@armature/telemetry/names'
import { type Arrow } from './arrows.ts'
import { type Rows } from './tables.ts'
import { type Tree } from './tree.ts'

type Settings = Parameters<typeof settingsTable>[0]

/** The rows that the READMEs of the apps must have, by the settings that each declares. */
export const settingsRows =
  (root: string) =>
  async (tree: Tree): Promise<Rows[]> => {
    const sources = tree.files.filter(({ path }) => /^apps\/[^/]+\/src\/config\.ts$/.test(path))
    return Promise.all(
      sources.map(async ({ path }) => {
        const { settings } = (await import(pathToFileURL(join(root, path)).href)) as { settings: Settings }
        const rows = settingsTable(settings).trim().split('\n').slice(2)
        return { readme: path.replace('src/config.ts', 'README.md'), source: path, rows }
      }),
    )
  }

export const registeredMetrics = (): Promise<readonly string[]> => Promise.resolve(Object.keys(metricNames))

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

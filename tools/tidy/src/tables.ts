import { type Tree, type Violation } from './tree.ts'

/** The rows that a README must have, by the file that they follow from. */
export type Rows = { readonly readme: string; readonly source: string; readonly rows: readonly string[] }

/** Rows of tables, whatever the padding of their cells. */
const rowsOf = (text: string): Set<string> =>
  new Set(
    text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map(plain),
  )

const plain = (row: string): string => row.replaceAll(/\s+/g, ' ').trim()

/** The settings of each app stand in its README as `settingsTable` writes them; so a default cannot change unseen. */
export const settingsDocumented =
  (load: (tree: Tree) => Promise<readonly Rows[]>) =>
  async (tree: Tree): Promise<Violation[]> =>
    (await load(tree)).flatMap(({ readme, source, rows }) => {
      const there = rowsOf(tree.text(readme) ?? '')
      return rows
        .map(plain)
        .filter((row) => !there.has(row))
        .map((row) => ({ path: readme, problem: `has no row as ${source} has it: ${row}` }))
    })

/** Each name of the registry begins a row of the README of libs/telemetry, under `Metric`; no row has another name. */
export const metricsDocumented =
  (load: () => Promise<readonly string[]>) =>
  async (tree: Tree): Promise<Violation[]> => {
    const path = 'libs/telemetry/README.md'
    const documented = firstCells(tree.text(path) ?? '', 'Metric')
    const names = await load()
    return [
      ...names
        .filter((name) => !documented.includes(name))
        .map((name) => ({ path, problem: `has no row of the metric ${name}` })),
      ...documented
        .filter((name) => !names.includes(name))
        .map((name) => ({ path, problem: `the metric ${name} is not in the registry` })),
    ]
  }

/** What stands as code in the first column of the tables whose first heading is this one. */
const firstCells = (text: string, heading: string): string[] => {
  let inside = false
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) {
      inside = false
      return []
    }
    if (new RegExp(`^\\|\\s*${heading}\\s*\\|`, 'i').test(line)) inside = true
    return inside ? (/^\|\s*`([^`]+)`\s*\|/.exec(line)?.[1] ?? []) : []
  })
}

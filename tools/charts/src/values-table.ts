import type { Setting } from '@armature/config/schema'
import type { ValueNode } from './values-tree.ts'

/** The values of a chart as a Markdown table, each by its path. Settings of the app are in a table of their own. */
export const valuesTable = (nodes: readonly ValueNode[]): string =>
  table(['Value', 'Default', 'What it is'], rowsOf(nodes.filter(({ key }) => key !== 'config')))

/** The settings of the app as a table: those that the chart sets with the value that it sets. */
export const configTable = (settings: readonly Setting[], defaults: Readonly<Record<string, unknown>>): string =>
  table(
    ['Value', 'Default', 'What it is'],
    settings.map(({ key, defaultValue, description, hot }) => [
      code(`config.${key}`),
      shown(key in defaults ? defaults[key] : defaultValue),
      hot ? `${description} (hot: a change rolls no pod)` : description,
    ]),
  )

const rowsOf = (nodes: readonly ValueNode[], prefix = ''): string[][] =>
  nodes.flatMap(({ key, what, value, children }) => {
    const path = `${prefix}${key}`
    return children === undefined ? [[code(path), shown(value), what]] : rowsOf(children, `${path}.`)
  })

const shown = (value: unknown): string => {
  if (value === undefined || value === '') return 'none'
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

const code = (text: string): string => `\`${text}\``

const table = (heading: readonly string[], rows: readonly (readonly string[])[]): string =>
  [heading, heading.map(() => '---'), ...rows].map((row) => `| ${row.map(escape).join(' | ')} |`).join('\n')

const escape = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')

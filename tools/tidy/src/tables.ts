import { type Tree, type Violation } from './tree.ts'

/** A table that a README must have, as it follows from a source: its first heading names it, its rows are Markdown. */
export type Table = {
  readonly readme: string
  readonly source: string
  readonly heading: string
  /** The title of the section that it stands in, where several tables have this heading. */
  readonly section?: string
  /** Links that the README must have, and no other to these pages: `../SETTINGS.md#broker`. */
  readonly links?: readonly string[]
  /** Heading, line below it, rows. */
  readonly lines: readonly string[]
}

/** Every row of a table stands in its README, and no other row does; so a default, a unit or a name cannot change unseen. */
export const tablesAreTrue =
  (load: (tree: Tree) => Promise<readonly Table[]>) =>
  async (tree: Tree): Promise<Violation[]> =>
    (await load(tree)).flatMap((table) => {
      const { readme, source, heading, lines } = table
      const text = tree.text(readme) ?? ''
      const place = placeOf(text, table)
      if (place === undefined)
        return [
          { path: readme, problem: `has no table with the heading ${heading}${within(table)}: run npm run tables` },
        ]
      const there = text.split('\n').slice(place.from, place.to).map(plain)
      const wanted = lines.map(plain)
      return [
        ...linkProblems(text, table).map((problem) => ({ path: readme, problem })),
        ...wanted
          .filter((row) => !there.includes(row))
          .map((row) => ({ path: readme, problem: `has no row as ${source} has it: ${row}` })),
        ...there
          .filter((row) => !wanted.includes(row))
          .map((row) => ({ path: readme, problem: `has a row that ${source} does not have: ${row}` })),
      ]
    })

/** The text with this table in the place of its older self; undefined when it has none. */
export const withTable = (text: string, table: Table): string | undefined => {
  const place = placeOf(text, table)
  if (place === undefined) return undefined
  const all = text.split('\n')
  return [...all.slice(0, place.from), ...table.lines, ...all.slice(place.to)].join('\n')
}

/** The place of a table, in words. */
export const within = ({ section }: Table): string => (section === undefined ? '' : ` in the section ${section}`)

/** The lines of the first table whose first heading is this one, in its section. */
const placeOf = (text: string, { heading, section }: Table): { from: number; to: number } | undefined => {
  const lines = text.split('\n')
  const start = section === undefined ? 0 : lines.indexOf(`## ${section}`)
  if (start === -1) return undefined
  const next = section === undefined ? -1 : lines.findIndex((line, index) => index > start && line.startsWith('## '))
  const end = next === -1 ? lines.length : next
  const from = lines.findIndex((line, index) => index >= start && plain(line).startsWith(`| ${heading} |`))
  if (from === -1 || from >= end) return undefined
  const length = lines.slice(from).findIndex((line) => !line.startsWith('|'))
  return { from, to: length === -1 ? lines.length : from + length }
}

const linkProblems = (text: string, { links = [], source }: Table): string[] => {
  const pages = new Set(links.map((link) => link.split('#', 1)[0]))
  const there = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  const others = there.filter((link) => link.includes('#') && pages.has(link.split('#', 1)[0]) && !links.includes(link))
  return [
    ...links.filter((link) => !there.includes(link)).map((link) => `has no link to ${link}, as ${source} has it`),
    ...others.map((link) => `links to ${link}, which ${source} does not have`),
  ]
}

/** A row without the padding of its cells, and a line below a heading without its length. */
const plain = (row: string): string => row.replaceAll(/\s+/g, ' ').replaceAll(/-{3,}/g, '---').trim()

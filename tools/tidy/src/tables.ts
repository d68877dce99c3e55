import { type Tree, type Violation } from './tree.ts'

/** A table that a README must have, as it follows from a source: its first heading names it, its rows are Markdown. */
export type Table = {
  readonly readme: string
  readonly source: string
  readonly heading: string
  /** Heading, line below it, rows. */
  readonly lines: readonly string[]
}

/** Every row of a table stands in its README, and no other row does; so a default, a unit or a name cannot change unseen. */
export const tablesAreTrue =
  (load: (tree: Tree) => Promise<readonly Table[]>) =>
  async (tree: Tree): Promise<Violation[]> =>
    (await load(tree)).flatMap(({ readme, source, heading, lines }) => {
      const text = tree.text(readme) ?? ''
      const place = placeOf(text, heading)
      if (place === undefined)
        return [{ path: readme, problem: `has no table with the heading ${heading}: run npm run tables` }]
      const there = text.split('\n').slice(place.from, place.to).map(plain)
      const wanted = lines.map(plain)
      return [
        ...wanted
          .filter((row) => !there.includes(row))
          .map((row) => ({ path: readme, problem: `has no row as ${source} has it: ${row}` })),
        ...there
          .filter((row) => !wanted.includes(row))
          .map((row) => ({ path: readme, problem: `has a row that ${source} does not have: ${row}` })),
      ]
    })

/** The text with this table in the place of its older self; undefined when it has none. */
export const withTable = (text: string, { heading, lines }: Table): string | undefined => {
  const place = placeOf(text, heading)
  if (place === undefined) return undefined
  const all = text.split('\n')
  return [...all.slice(0, place.from), ...lines, ...all.slice(place.to)].join('\n')
}

/** The lines of the first table whose first heading is this one. */
const placeOf = (text: string, heading: string): { from: number; to: number } | undefined => {
  const lines = text.split('\n')
  const from = lines.findIndex((line) => plain(line).startsWith(`| ${heading} |`))
  if (from === -1) return undefined
  const length = lines.slice(from).findIndex((line) => !line.startsWith('|'))
  return { from, to: length === -1 ? lines.length : from + length }
}

/** A row without the padding of its cells, and a line below a heading without its length. */
const plain = (row: string): string => row.replaceAll(/\s+/g, ' ').replaceAll(/-{3,}/g, '---').trim()

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { within, withTable } from './tables.ts'
import { readTree } from './tree.ts'
import { tablesOf } from './workspace.ts'

// npm run tables: writes the tables of settings and metrics into the READMEs that have such a table.
const root = join(import.meta.dirname, '../../..')
const tree = readTree(root)
/** A page may have several tables. */
const written = new Map<string, string>()
for (const table of await tablesOf(root)(tree)) {
  const { readme, heading } = table
  const after = withTable(written.get(readme) ?? tree.text(readme) ?? '', table)
  if (after === undefined) {
    const place = `the heading ${heading}${within(table)}`
    console.error(`${readme} has no table with ${place} to be replaced. Begin one:\n| ${heading} |`)
    process.exitCode = 1
  } else written.set(readme, after)
}
for (const [path, text] of written) if (text !== tree.text(path)) writeFileSync(join(root, path), text)

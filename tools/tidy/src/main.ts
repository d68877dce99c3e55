import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withTable } from './tables.ts'
import { readTree } from './tree.ts'
import { tablesOf } from './workspace.ts'

// npm run tables: writes the tables of settings and metrics into the READMEs that have such a table.
const root = join(import.meta.dirname, '../../..')
const tree = readTree(root)
for (const table of await tablesOf(root)(tree)) {
  const before = tree.text(table.readme) ?? ''
  const after = withTable(before, table)
  if (after === undefined) {
    console.error(
      `${table.readme} has no table with the heading ${table.heading} to be replaced. Begin one:\n| ${table.heading} |`,
    )
    process.exitCode = 1
  } else if (after !== before) writeFileSync(join(root, table.readme), after)
}

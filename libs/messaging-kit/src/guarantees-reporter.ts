import type { Reporter, TestModule } from 'vitest/node'
import type { Guarantees } from '@armature/messaging/ports'

const columns = [
  'atLeastOnce',
  'order',
  'replay',
  'groups',
  'wildcards',
  'headers',
  'delay',
] as const satisfies readonly (keyof Guarantees)[]

type Row = Guarantees & { readonly name: string }

/** The guarantees of the drivers that ran through the conformance suite, as lines of a table. */
export const guaranteesTable = (rows: readonly Row[]): readonly string[] => {
  const shown = rows.map((row) => [row.name, ...columns.map((column) => shownValue(row[column]))])
  const table = [['driver', ...columns], ...shown]
  const widths = table[0]?.map((_, at) => Math.max(...table.map((cells) => cells[at]?.length ?? 0))) ?? []
  return table.map((cells) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

const shownValue = (value: boolean | string): string => (value === true ? 'yes' : value === false ? '-' : value)

/** A reporter that prints the table at the end of a test run, where any driver was tested. */
export const guaranteesReporter = (): Reporter => ({
  onTestRunEnd: (modules: readonly TestModule[]) => {
    const rows = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test) => test.meta().declaredGuarantees ?? []),
    )
    if (rows.length === 0) return
    const lines = guaranteesTable(rows.toSorted((a, b) => a.name.localeCompare(b.name)))
    process.stdout.write(`\nGuarantees that drivers declare and were tested for:\n\n  ${lines.join('\n  ')}\n\n`)
  },
})

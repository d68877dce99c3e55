import { choice } from '@armature/config/settings'
import { oneLine } from '@armature/messaging-commands/terminal-text'
import { write } from '@armature/messaging-commands/write'
import type { CommandIo } from '@armature/service/command'

/** The setting of each command that prints what it found. */
export const formatSetting = (env: string) =>
  choice(['text', 'json'])
    .default('text')
    .meta({ description: 'text = a table for people, json = an object a line', env })

const maxCellChars = 120

/** Prints rows below their head, or an object a line. */
export const printAll = async (
  { stdout, signal }: CommandIo,
  format: 'text' | 'json',
  {
    head,
    rows,
    objects,
  }: { head: readonly string[]; rows: readonly (readonly string[])[]; objects: readonly unknown[] },
): Promise<void> => {
  if (format === 'json') {
    for (const object of objects) await write(stdout, `${JSON.stringify(object)}\n`, signal)
    return
  }
  const cells = [head, ...rows].map((row) => row.map((cell) => oneLine(cell, maxCellChars)))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  for (const row of cells) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    await write(stdout, `${line.trimEnd()}\n`, signal)
  }
}

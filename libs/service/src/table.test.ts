import { expect, test } from 'vitest'
import { table } from './table.ts'

test('a table has columns as wide as they must be', () => {
  expect(
    table([
      ['A', 'LONGER', 'C'],
      ['aaa', 'b', ''],
    ]),
  ).toBe('A    LONGER  C\naaa  b\n')
  expect(table([])).toBe('')
})

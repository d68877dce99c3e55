import { describe, expect, test } from 'vitest'
import { tablesAreTrue, withTable, type Table } from './tables.ts'
import { treeOf } from './tree.ts'

const readme = 'apps/a/README.md'
const table: Table = {
  readme,
  source: 'apps/a/src/config.ts',
  heading: 'Setting',
  lines: ['| Setting | Default |', '| --- | --- |', '| `port` | `0` |', '| `host` | none |'],
}
const check = tablesAreTrue(async () => [table])
const inText = (...rows: string[]) =>
  ['# a', '', '| Setting | Default |', '| --- | --- |', ...rows, '', 'end'].join('\n')

describe('a table is true', () => {
  test.each([
    ['as it is', inText('| `port` | `0` |', '| `host` | none |')],
    ['with padding', '| Setting | Default |\n| ------- | ------- |\n| `port`  | `0`     |\n| `host`  | none    |\n'],
    ['beside other tables', `| File |\n| --- |\n| \`x\` |\n\n${inText('| `port` | `0` |', '| `host` | none |')}`],
  ])('%s', async (_what, text) => {
    expect(await check(treeOf({ [readme]: text }))).toEqual([])
  })

  test.each([
    ['without one of its rows', inText('| `port` | `0` |'), 'has no row'],
    ['with a row too many', inText('| `port` | `0` |', '| `host` | none |', '| `gone` | `1` |'), 'has a row'],
    ['in prose', 'The | Setting | Default |', 'has no table'],
    ['in no text', '', 'has no table'],
  ])('not %s', async (_what, text, problem) => {
    expect(await check(treeOf({ [readme]: text }))).toMatchObject([
      { path: readme, problem: expect.stringContaining(problem) },
    ])
  })

  test('not with another value', async () => {
    expect(await check(treeOf({ [readme]: inText('| `port` | `80` |', '| `host` | none |') }))).toHaveLength(2)
  })
})

describe('withTable', () => {
  test('makes it true and leaves the rest', async () => {
    const text = withTable(inText('| `port` | `80` |'), table) ?? ''
    expect(await check(treeOf({ [readme]: text }))).toEqual([])
    expect(text).toMatch(/^# a\n\n\| Setting[^]*\|\n\nend$/)
  })

  test('at the end of a text', () => {
    expect(withTable('| Setting | Old |', table)).toBe(table.lines.join('\n'))
  })

  test('a text without it is left to its author', () => {
    expect(withTable('# a\n', table)).toBeUndefined()
  })
})

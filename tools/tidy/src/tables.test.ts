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

describe('a table of one section', () => {
  const section: Table = { ...table, section: 'Broker' }
  const text = (first: string, second: string) =>
    `# a\n\n## Every service\n\n${inText(first)}\n\n## Broker\n\n${inText(second)}\n\n## End\n`
  const checkSection = tablesAreTrue(async () => [section])

  test('is looked for there, and written there', async () => {
    const wrong = treeOf({ [readme]: text('| `port` | `0` |\n| `host` | none |', '| `port` | `80` |') })
    expect(await checkSection(wrong)).toHaveLength(3)
    const written = withTable(wrong.text(readme) ?? '', section) ?? ''
    expect(await checkSection(treeOf({ [readme]: written }))).toEqual([])
    expect(written.startsWith(wrong.text(readme)?.split('## Broker')[0] ?? '?')).toBe(true)
  })

  test.each([
    ['the section is missing', inText('| `port` | `0` |')],
    ['the table is in the next section', `## Broker\n\n## End\n\n${inText('| `port` | `0` |')}`],
  ])('is missing where %s', async (_what, found) => {
    expect(await checkSection(treeOf({ [readme]: found }))).toMatchObject([
      { path: readme, problem: expect.stringContaining('in the section Broker') },
    ])
    expect(withTable(found, section)).toBeUndefined()
  })
})

describe('links to shared settings', () => {
  const links = ['../SETTINGS.md#broker', '../SETTINGS.md#consul']
  const checkLinks = tablesAreTrue(async () => [{ ...table, links }])
  const rows = inText('| `port` | `0` |', '| `host` | none |')

  test('are all there', async () => {
    const text = `[a](../SETTINGS.md#broker), [b](../SETTINGS.md#consul), [c](../OTHER.md#x), [d](../SETTINGS.md)\n\n${rows}`
    expect(await checkLinks(treeOf({ [readme]: text }))).toEqual([])
  })

  test.each([
    ['one is missing', '[a](../SETTINGS.md#broker)', 'has no link to ../SETTINGS.md#consul'],
    ['one is too many', '[](../SETTINGS.md#broker) [](../SETTINGS.md#consul) [](../SETTINGS.md#kv)', 'links to'],
  ])('not where %s', async (_what, text, problem) => {
    expect(await checkLinks(treeOf({ [readme]: `${text}\n\n${rows}` }))).toMatchObject([
      { path: readme, problem: expect.stringContaining(problem) },
    ])
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

import { expect, test } from 'vitest'
import { promisesTable, safeguardsStand } from './safeguards.ts'
import { treeOf } from './tree.ts'

const safeguard = {
  promise: 'An acknowledged line is on the disk',
  file: 'libs/a/src/a.ts',
  find: 'await sync()',
  replace: '',
  tests: ['libs/a/test/a.test.ts'],
}
const source = { 'libs/a/src/a.ts': 'await sync()\n', 'libs/a/test/a.test.ts': 'test' }
const check = (given: Partial<typeof safeguard>, files: Record<string, string> = source) =>
  safeguardsStand(async () => new Map([['a', [{ ...safeguard, ...given }]]]))(treeOf(files))

test('a safeguard stands when its text is in the file once and its tests exist', async () => {
  expect(await check({})).toEqual([])
})

test.each([
  ['its text is gone', { find: 'await flush()' }, 'stands 0 times'],
  ['its file is gone', { file: 'libs/a/src/b.ts' }, 'no file libs/a/src/b.ts'],
  ['its test is gone', { tests: ['libs/a/test/b.test.ts'] }, 'no test libs/a/test/b.test.ts'],
  ['it has no test', { tests: [] }, 'names no test'],
  ['the file no longer parses', { replace: 'await (' }, 'no longer parses'],
])('it does not when %s', async (_what, given, problem) => {
  expect(await check(given)).toMatchObject([
    { path: 'tools/mutate/src/safeguards-a.ts', problem: expect.stringContaining(problem) as string },
  ])
})

test('safeguards of one promise share a row', async () => {
  const { lines } = await promisesTable(
    async () =>
      new Map([['a', [safeguard, { ...safeguard, find: 'a || b', replace: 'a', tests: ['libs/a/test/c.test.ts'] }]]]),
  )
  expect(lines.slice(2)).toEqual([
    '| An acknowledged line is on the disk | `libs/a/test/a`, `libs/a/test/c` | a.ts without `await sync()`; a.ts: `a \\|\\| b` becomes `a` |',
  ])
})

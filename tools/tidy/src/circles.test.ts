import { expect, test } from 'vitest'
import { noCircles } from './circles.ts'
import { treeOf } from './tree.ts'

const a = 'libs/x/src/a.ts'
const b = 'libs/x/src/b.ts'
const c = 'libs/x/src/c.ts'

test('files that import one way are right', () => {
  const files = { [a]: `import './b.ts'\nimport './c.ts'`, [b]: `import './c.ts'`, [c]: `import 'node:fs'` }
  expect(noCircles(treeOf(files))).toEqual([])
})

test.each([
  ['a value', `import { one } from './a.ts'`],
  ['a type', `import type { One } from './a.ts'`],
  ['an inline type', `export type Two = import('./a.ts').One`],
  ['import()', `const load = () => import('./a.ts')`],
  ['an export', `export * from './a.ts'`],
  ['the name of its package', `import { one } from '@armature/x/a'`],
])('a circle by %s', (_, text) => {
  expect(noCircles(treeOf({ [a]: `\nimport { two } from './b.ts'`, [b]: text }))).toEqual([
    { path: a, line: 2, problem: `imports itself: ${a} -> ${b} -> ${a}` },
  ])
})

test('a file that imports itself', () => {
  expect(noCircles(treeOf({ [a]: `import './a.ts'` }))).toMatchObject([{ problem: `imports itself: ${a} -> ${a}` }])
})

test('a circle over three files and two projects, beside one that only leads to it', () => {
  const files = {
    [a]: `import './b.ts'`,
    [b]: `import '@armature/y/c'`,
    'libs/y/src/c.ts': `import '@armature/x/b'`,
  }
  expect(noCircles(treeOf(files))).toMatchObject([{ path: b }])
})

test('two circles are two violations, those of one group are one', () => {
  const group = { [a]: `import './b.ts'`, [b]: `import './a.ts'\nimport './c.ts'`, [c]: `import './b.ts'` }
  const other = { 'libs/y/src/a.ts': `import './b.ts'`, 'libs/y/src/b.ts': `import './a.ts'` }
  expect(noCircles(treeOf({ ...group, ...other }))).toMatchObject([{ path: a }, { path: 'libs/y/src/a.ts' }])
})

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeViolation } from './rule.ts'
import { isTest, projectsOf, readTree, sourcesOf, treeOf } from './tree.ts'

test('reads what is written by hand, not what is made or installed', async () => {
  const root = await mkdtemp(join(tmpdir(), 'tree-'))
  try {
    for (const path of ['libs/a/src', 'libs/a/dist', 'node_modules/b', '.ci'])
      await mkdir(join(root, path), { recursive: true })
    for (const path of ['libs/a/src/one.ts', 'libs/a/dist/one.js', 'node_modules/b/two.ts', '.ci/run', 'image.png']) {
      await writeFile(join(root, path), 'text')
    }
    const tree = readTree(root)
    expect(tree.files).toEqual([
      { path: '.ci/run', text: 'text' },
      { path: 'image.png', text: '' },
      { path: 'libs/a/src/one.ts', text: 'text' },
    ])
    expect(tree.text('libs/a/src/one.ts')).toBe('text')
    expect(tree.text('libs/a/src/two.ts')).toBeUndefined()
  } finally {
    await rm(root, { recursive: true })
  }
})

test('knows projects, sources and tests', () => {
  const tree = treeOf({
    'libs/a/package.json': '{}',
    'libs/a/src/b/package.json': '{}',
    'package.json': '{}',
    'libs/a/c.d.ts': '',
  })
  expect(projectsOf(tree)).toEqual(['libs/a'])
  expect(sourcesOf(tree)).toEqual([])
  expect(['libs/a/src/b.test.ts', 'libs/a/test/b.ts', 'libs/a/src/conformance-order.ts'].map(isTest)).toEqual([
    true,
    true,
    true,
  ])
  expect(['libs/a/src/b.ts', 'libs/a/src/test.ts'].map(isTest)).toEqual([false, false])
})

test('a violation is told as an editor can follow it', () => {
  expect(describeViolation({ path: 'a.ts', line: 3, problem: 'an enum' })).toBe('a.ts:3: an enum')
  expect(describeViolation({ path: 'a.ts', problem: 'too long' })).toBe('a.ts: too long')
})

import { expect, test } from 'vitest'
import { changesOf, dryTree } from '../../test/dry-tree.ts'
import { library } from './generator.ts'

test('a library has the files of a project, and its entries in the lock file and the references', async () => {
  const tree = dryTree()
  await library(tree, { name: 'money', description: 'Counts money.' })
  expect(changesOf(tree)).toEqual([
    'CREATE libs/money/package.json',
    'CREATE libs/money/tsconfig.json',
    'CREATE libs/money/README.md',
    'CREATE libs/money/vitest.config.ts',
    'CREATE libs/money/src/money.ts',
    'CREATE libs/money/src/money.test.ts',
    'UPDATE package-lock.json',
    'UPDATE tsconfig.json',
  ])
  const lock = JSON.parse(tree.read('package-lock.json', 'utf8') ?? '') as { packages: Record<string, object> }
  expect(lock.packages['libs/money']).toEqual({ name: '@armature/money', version: '0.1.0' })
  expect(lock.packages['node_modules/@armature/money']).toEqual({ resolved: 'libs/money', link: true })
})

test.each(['', 'Money', 'async', 'class'])('the name %j is refused, and nothing is changed', async (name) => {
  const tree = dryTree()
  await expect(library(tree, { name, description: '' })).rejects.toThrow(/name/)
  expect(changesOf(tree)).toEqual([])
})

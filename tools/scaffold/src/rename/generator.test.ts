import { existsSync, mkdtempSync, rmSync, symlinkSync, lstatSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FsTree } from '@nx/devkit/internal'
import type { Tree } from '@nx/devkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { changesOf, flush } from '../../test/dry-tree.ts'
import { repository } from '../../test/repository.ts'
import { rename } from './generator.ts'
import { renameWorkspace } from './renaming.ts'

let root: string
let tree: Tree

const { put, textOf, git } = repository(() => root)

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scaffold-rename-'))
  put('.gitignore', 'node_modules\n')
  put('.prettierrc.json', '{ "semi": false, "singleQuote": true }\n')
  put('nx.json', '{}\n')
  put('package.json', '{ "name": "quux" }\n')
  put('package-lock.json', '{ "packages": { "node_modules/@quux/a": { "link": true } } }\n')
  put('tools/scaffold/package.json', '{ "name": "@quux/scaffold" }\n')
  put('libs/service/package.json', '{ "name": "@quux/service" }\n')
  put('helm/service/Chart.yaml', 'name: service\nhome: quux\n')
  put('tools/bench/src/broker-quux.ts', "import { a } from '@quux/service/a'\n")
  put('CHANGELOG.md', '- Quux began\n')
  put('logo.png', Buffer.from([0, ...Buffer.from('quux')]))
  put('node_modules/@quux/.keep', '')
  symlinkSync('../../libs/service', join(root, 'node_modules/@quux/service'))
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'start')
  tree = new FsTree(root, false)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const options = { scope: '@acme', name: 'acme-platform' }

test('files, their names and the links of packages have the new name; what was done before keeps the old one', async () => {
  const finish = await rename(tree, options)
  flush(tree)
  finish()
  expect(textOf('tools/bench/src/broker-acme-platform.ts')).toBe("import { a } from '@acme/service/a'\n")
  expect(JSON.parse(textOf('package.json'))).toEqual({ name: 'acme-platform' })
  expect(textOf('helm/service/Chart.yaml')).toContain('home: acme-platform')
  expect(textOf('package-lock.json')).toContain('node_modules/@acme/a')
  expect(textOf('CHANGELOG.md')).toContain('Quux began')
  expect(readlinkSync(join(root, 'node_modules/@acme/service'))).toBe('../../libs/service')
  expect(lstatSync(join(root, 'node_modules/@quux/service'), { throwIfNoEntry: false })).toBeUndefined()
  expect(git('ls-files', '--others', '--deleted', '--modified', '--exclude-standard')).not.toContain('logo.png')
})

test('bug: a new scope left the packages of the lock file in the order of the old one, so the next `npm install` changed it', () => {
  const dependencies = { '@quux/a': '*', ajv: '1.0.0', '@zeta/b': '1.0.0' }
  const packages = { 'apps/one': { dependencies }, 'node_modules/@quux/a': {}, 'node_modules/ajv': {} }
  tree.write('package-lock.json', JSON.stringify({ packages }))
  renameWorkspace(tree, '@zzz', 'zzz-platform')
  const after = JSON.parse(tree.read('package-lock.json', 'utf8') ?? '') as { packages: typeof packages }
  expect(Object.keys(after.packages)).toEqual(['apps/one', 'node_modules/@zzz/a', 'node_modules/ajv'])
  expect(Object.keys(after.packages['apps/one'].dependencies)).toEqual(['@zeta/b', '@zzz/a', 'ajv'])
})

test('bug: a file in a folder that the same run deletes came back', async () => {
  tree.delete('tools/bench')
  renameWorkspace(tree, options.scope, options.name)
  flush(tree)
  expect(existsSync(join(root, 'tools/bench'))).toBe(false)
})

test('a second run changes nothing', async () => {
  await rename(tree, options)
  flush(tree)
  git('add', '-A')
  git('commit', '-qm', 'renamed')
  const again = new FsTree(root, false)
  await rename(again, options)
  expect(changesOf(again)).toEqual([])
})

test.each([
  ['acme', 'acme-platform', 'The scope "acme" is no scope of npm'],
  ['@Acme', 'acme-platform', 'The scope "@Acme" is no scope of npm'],
  ['@acme/x', 'acme-platform', 'The scope "@acme/x" is no scope of npm'],
  ['@acme', 'Acme Platform', 'is no DNS label'],
  ['@acme', '', 'is no DNS label'],
  ['@acme', 'kafka', 'is reserved'],
  ['@acme', 'a-name-that-is-too-long', 'has 23 characters'],
  ['@acme', 'home', 'The name "home" stands for something else already, in helm/service/Chart.yaml'],
])('the scope %j with the name %j is refused, and nothing is changed', async (scope, name, problem) => {
  await expect((async () => rename(tree, { scope, name }))()).rejects.toThrow(problem)
  expect(changesOf(tree)).toEqual([])
})

test('a scope of packages that are installed is refused', async () => {
  put('libs/service/package.json', '{ "name": "@quux/service", "dependencies": { "@acme/sdk": "1.0.0" } }\n')
  git('commit', '-qam', 'sdk')
  await expect(rename(tree, options)).rejects.toThrow(
    'The scope "@acme" has packages already, in libs/service/package.json',
  )
})

test('uncommitted changes are refused, unless --force is given', async () => {
  put('new.ts', '')
  await expect(rename(tree, options)).rejects.toThrow('There are uncommitted changes (new.ts)')
  expect(changesOf(tree)).toEqual([])
  await rename(tree, { ...options, force: true })
  expect(changesOf(tree).length).toBeGreaterThan(3)
})

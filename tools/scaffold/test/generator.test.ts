import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Tree } from '@nx/devkit'
import { FsTree } from '@nx/devkit/internal'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { generator } from '../src/generator.ts'
import { flush } from './dry-tree.ts'
import { repository } from './repository.ts'

let root: string
let tree: Tree

const { put, textOf, git } = repository(() => root)

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scaffold-test-'))
  put('.prettierrc.json', '{ "semi": false, "singleQuote": true }\n')
  for (const path of ['nx.json', 'package-lock.json', 'libs/service/package.json']) put(path, '{}\n')
  put('helm/service/Chart.yaml', 'name: service\n')
  git('init', '-q')
  git('add', '.')
  git('commit', '-qm', 'start')
  tree = new FsTree(root, false)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('files are formatted and written, and links are made', async () => {
  const add = generator((all) => {
    all.write('libs/a/src/a.ts', 'export const a = "a"')
    return { links: { 'node_modules/@armature/a': '../../libs/a' } }
  })
  const finish = await add(tree, {})
  expect(git('status', '--porcelain')).toBe('')
  flush(tree)
  finish()
  expect(textOf('node_modules/@armature/a/src/a.ts')).toBe(`export const a = 'a'\n`)
})

test('a plan that fails leaves everything as it was', async () => {
  const fail = generator((all) => {
    all.write('libs/a/src/a.ts', '')
    throw new Error('the plan failed')
  })
  await expect(fail(tree, {})).rejects.toThrow('the plan failed')
  expect(git('status', '--porcelain')).toBe('')
})

test('a link that fails puts the files back: new ones, changed ones and deleted ones', async () => {
  put('libs/b/src/b.ts', 'b\n')
  put('libs/b/src/c.ts', 'c\n')
  symlinkSync('../service', join(root, 'libs/b/link'))
  git('add', '.')
  git('commit', '-qm', 'b')
  put('node_modules/in-the-way', '')
  const change = generator((all) => {
    all.write('libs/a/src/a.ts', '')
    all.write('nx.json', '{ "a": 1 }')
    all.delete('libs/b')
    return { links: { 'node_modules/in-the-way': '../libs/a' } }
  })
  const finish = await change(tree, {})
  flush(tree)
  expect(existsSync(join(root, 'libs/b'))).toBe(false)
  expect(finish).toThrow(/in-the-way is no link: move it away/)
  expect(git('status', '--porcelain', '--', '.', ':!node_modules')).toBe('')
  expect(existsSync(join(root, 'libs/a'))).toBe(false)
})

test('bug: a link that failed left the links before it changed', async () => {
  put('node_modules/in-the-way', '')
  symlinkSync('old', join(root, 'node_modules/removed'))
  symlinkSync('old', join(root, 'node_modules/moved'))
  const links = { removed: undefined, moved: 'new', '@new/made': '../new', 'in-the-way': 'new' }
  const change = generator(() => ({
    links: Object.fromEntries(Object.entries(links).map(([name, target]) => [`node_modules/${name}`, target])),
  }))
  expect(await change(tree, {})).toThrow(/in-the-way is no link: move it away/)
  expect(readdirSync(join(root, 'node_modules')).sort()).toEqual(['in-the-way', 'moved', 'removed'])
  expect(readlinkSync(join(root, 'node_modules/removed'))).toBe('old')
  expect(readlinkSync(join(root, 'node_modules/moved'))).toBe('old')
})

test('a workspace that is not made of the template is refused', async () => {
  rmSync(join(root, 'helm'), { recursive: true })
  await expect(generator(() => undefined)(tree, {})).rejects.toThrow(
    'This workspace is not made of Armature: it has no helm/service/Chart.yaml. Run the generator in a copy of the template.',
  )
})

test('uncommitted changes are refused where the generator says so, unless forced', async () => {
  put('nx.json', '{ "b": 2 }')
  put('new', '')
  const careful = generator<{ force?: boolean }>(() => undefined, { committed: true })
  await expect(careful(tree, {})).rejects.toThrow(
    'There are uncommitted changes (nx.json and 1 more). Commit or stash them, or add --force to go on all the same.',
  )
  await expect(careful(tree, { force: true })).resolves.toBeDefined()
  await expect(generator(() => undefined)(tree, {})).resolves.toBeDefined()
})

test('bug: of two generators at once the second undid what the first had written', async () => {
  const late = new Date(Date.now() + 1_000)
  const slow = generator((all) => {
    all.write('nx.json', '{ "mine": 1 }')
    put('nx.json', '{ "theirs": 1 }\n')
    utimesSync(join(root, 'nx.json'), late, late)
  })
  await expect(slow(tree, {})).rejects.toThrow('nx.json was changed while the generator ran')
})

test('bug: what was written while the files were copied for a failure was undone', async () => {
  const late = new Date(Date.now() + 1_000)
  const copies = join(root, '.nx/tmp')
  mkdirSync(copies, { recursive: true })
  vi.stubEnv('TMPDIR', copies)
  onTestFinished(() => void vi.unstubAllEnvs())
  const { listChanges } = tree
  tree.listChanges = () => {
    if (readdirSync(copies).length > 0) {
      put('nx.json', '{ "theirs": 1 }\n')
      utimesSync(join(root, 'nx.json'), late, late)
    }
    return listChanges.call(tree)
  }
  const slow = generator((all) => all.write('nx.json', '{ "mine": 1 }'))
  await expect(slow(tree, {})).rejects.toThrow('nx.json was changed while the generator ran')
  expect(readdirSync(copies)).toEqual([])
})

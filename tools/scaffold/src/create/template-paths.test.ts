import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { repository } from '../../test/repository.ts'
import { templatePaths } from './template-paths.ts'

let root: string
const { put, git } = repository(() => root)

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'template-paths-test-'))
  git('init', '--quiet')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('bug: files that git does not track, such as notes and keys, went into the package', () => {
  for (const path of ['a.ts', 'deleted.ts', '.env']) put(path, '')
  git('add', 'a.ts', 'deleted.ts')
  rmSync(join(root, 'deleted.ts'))
  expect(templatePaths(root)).toEqual(['a.ts'])
})

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeViolation } from '../src/rule.ts'
import { rulesOf } from '../src/rules.ts'
import { readTree } from '../src/tree.ts'

const root = join(import.meta.dirname, '../../..')
const tree = readTree(root)
const rules = rulesOf(root)

test.each(rules)('$title', { timeout: 60_000 }, async ({ check }) => {
  expect((await check(tree)).map(describeViolation)).toEqual([])
})

test('STYLE.md has these rules, each with its reason', () => {
  const entries = [...(tree.text('STYLE.md') ?? '').matchAll(/^\*\*(.+?)\.\*\*([^]*?)(?=\n\n|$(?![^]))/gm)]
  expect(entries.map(([, title]) => title)).toEqual(rules.map(({ title }) => title))
  for (const [, title, reason = ''] of entries) expect(reason.trim().length, title).toBeGreaterThan(20)
})

test('the tree that is checked is this workspace', () => {
  const paths = tree.files.map(({ path }) => path)
  expect(paths).toContain('package.json')
  expect(paths).toContain('tools/tidy/src/rules.ts')
  expect(paths.some((path) => path.includes('node_modules'))).toBe(false)
})

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const project = join(import.meta.dirname, '..')
const buf = (...args: readonly string[]) =>
  execFileSync(join(project, '../../node_modules/.bin/buf'), args, { cwd: project, maxBuffer: 1_000_000 })

test('proto/search.binpb is what the protos say: after a change of them run `npm run proto`', () => {
  const compiled = buf('build', 'proto', '--exclude-source-info', '-o', '-')
  expect(compiled.equals(readFileSync(join(project, 'proto/search.binpb')))).toBe(true)
})

test('the protos are formatted', () => {
  expect(buf('format', '--diff', 'proto').toString()).toBe('')
})

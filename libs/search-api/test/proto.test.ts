import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

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

describe('what was released', () => {
  let copy: string
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'proto-test-'))
    cpSync(join(project, 'proto'), copy, { recursive: true })
  })
  afterEach(() => rmSync(copy, { recursive: true, force: true }))

  const older = 'search.proto'
  const v1 = 'armature/search/v1/search.proto'
  const breaks = () => buf('breaking', copy, '--against', join(project, 'proto/released.binpb'))
  const change = (file: string, from: string, to: string) => {
    const text = readFileSync(join(copy, file), 'utf8')
    expect(text).toContain(from)
    writeFileSync(join(copy, file), text.replace(from, to))
  }

  test('is kept, and may be added to', () => {
    expect(breaks().toString()).toBe('')
    change(v1, 'string code = 3;', 'string code = 3;\n  string kind = 5;')
    expect(breaks().toString()).toBe('')
  })

  test.each([
    [older, 'int32 n_things = 1;', 'int64 n_things = 1;'],
    [older, 'rpc monitor', 'rpc count'],
    [v1, 'string code = 3;', ''],
    [v1, 'double lat = 1;', 'double lat = 7;'],
  ])('is not changed: %s, %s', (file, from, to) => {
    change(file, from, to)
    expect(breaks).toThrow()
  })
})

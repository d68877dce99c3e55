import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findProgram } from './find-program.ts'

const folders = () => {
  const root = mkdtempSync(join(tmpdir(), 'find-program-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const put = (place: string, mode: number) => {
    mkdirSync(join(root, place, '..'), { recursive: true })
    writeFileSync(join(root, place), '')
    chmodSync(join(root, place), mode)
    return join(root, place)
  }
  return { root, put }
}

test('is the first of the folders that has one that can be run', () => {
  const { root, put } = folders()
  put('a/tool', 0o644)
  mkdirSync(join(root, 'b', 'tool'), { recursive: true })
  const wanted = put('c/tool', 0o755)
  put('d/tool', 0o755)
  const path = ['missing', 'a', 'b', 'c', 'd'].map((name) => join(root, name)).join(':')
  expect(findProgram('tool', path)).toBe(wanted)
  expect(findProgram('other', path)).toBeUndefined()
  expect(findProgram('tool', '')).toBeUndefined()
})

test('a name with a slash is a path, whatever PATH has', () => {
  expect(findProgram('./tool', '')).toBe('./tool')
  expect(findProgram('/no/such/tool', '')).toBe('/no/such/tool')
})

test('without PATH it is looked for where the system looks', () => {
  expect(findProgram('sh')).toMatch(/\/bin\/sh$/)
})

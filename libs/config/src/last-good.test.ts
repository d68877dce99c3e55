import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lastGood } from './last-good.ts'

const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'last-good-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

test('reads what was written, and only its owner may', () => {
  const state = join(folder(), 'deep')
  const file = lastGood(state, 'search-service', 'http://127.0.0.1:8500')
  expect(file.read()).toBeUndefined()
  file.write({ logLevel: 'debug' })
  file.write({ logLevel: 'warn' })
  expect(file.read()).toEqual({ logLevel: 'warn' })
  expect(statSync(file.path).mode & 0o777).toBe(0o600)
  expect(statSync(state).mode & 0o777).toBe(0o700)
  expect(readdirSync(state)).toHaveLength(1)
})

test('keeps services and stores apart', () => {
  const state = folder()
  lastGood(state, 'search-service', 'one').write({ logLevel: 'debug' })
  expect(lastGood(state, 'search-service', 'other').read()).toBeUndefined()
  expect(lastGood(state, 'reactor', 'one').read()).toBeUndefined()
})

test.each(['', '{', '[]', 'null', '{"logLevel":1}'])('a file that holds %j is as none', (text) => {
  const file = lastGood(folder(), 'search-service', 'one')
  writeFileSync(file.path, text)
  expect(file.read()).toBeUndefined()
})

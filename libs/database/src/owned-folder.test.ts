import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ownedFolder } from './owned-folder.ts'

let parent: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'owned-folder-test-'))
})
afterEach(() => rmSync(parent, { recursive: true, force: true }))

const script = (then: string) => `
  import { ownedFolder } from ${JSON.stringify(new URL('owned-folder.ts', import.meta.url).href)}
  const folder = ownedFolder(${JSON.stringify(parent)}, 'own')
  console.log(folder.path)
  ${then}`
const node = (then: string) => [process.execPath, ['--input-type=module-typescript', '-e', script(then)]] as const

test('it is there until it is removed', () => {
  const folder = ownedFolder(parent, 'own')
  expect(existsSync(folder.path)).toBe(true)
  folder.remove()
  folder.remove()
  expect(existsSync(folder.path)).toBe(false)
})

test.each([
  { end: 'a plain end', then: '' },
  { end: 'process.exit', then: 'process.exit(3)' },
  { end: 'an uncaught error', then: 'throw new Error()' },
])('the end of the process removes it: $end', ({ then }) => {
  const { stdout } = spawnSync(...node(then), { encoding: 'utf8' })
  expect(stdout).toContain(parent)
  expect(readdirSync(parent)).toEqual([])
})

test('what a killed process left is removed by the next', async () => {
  const child = spawn(...node('setInterval(() => undefined, 1_000)'), { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const alive = ownedFolder(parent, 'own')
  expect(readdirSync(parent)).toHaveLength(2)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const next = ownedFolder(parent, 'own')
  expect(
    readdirSync(parent)
      .map((name) => join(parent, name))
      .sort(),
  ).toEqual([alive.path, next.path].sort())
  alive.remove()
  next.remove()
})

test.each([
  { whose: 'another machine’s', name: 'own-elsewhere-999999999-abc' },
  { whose: 'another prefix’s', name: `other-${hostname()}-999999999-abc` },
  { whose: 'nobody’s', name: `own-${hostname()}-abc` },
])('$whose folder is left alone', ({ name }) => {
  mkdirSync(join(parent, name))
  ownedFolder(parent, 'own').remove()
  expect(readdirSync(parent)).toEqual([name])
})

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from './lock.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-test-'))
  path = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const limits = { deadlineMs: 10_000 }

test('one job at a time, and the lock is gone after the last', async () => {
  let running = 0
  let most = 0
  let waited = 0
  const job = async () => {
    most = Math.max(most, (running += 1))
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
  }
  await Promise.all([1, 2, 3].map(() => withLock(path, { ...limits, onWait: () => (waited += 1) }, job)))
  expect({ most, waited }).toEqual({ most: 1, waited: 2 })
  expect(existsSync(path)).toBe(false)
})

test('a job that fails gives the lock back', async () => {
  await expect(withLock(path, limits, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(existsSync(path)).toBe(false)
})

test('a dead process’s lock is taken over', async () => {
  writeFileSync(path, String(spawnSync(process.execPath, ['-e', '']).pid))
  expect(await withLock(path, limits, async () => 'mine')).toBe('mine')
})

test('a lock without an owner is taken over once it is old', async () => {
  writeFileSync(path, '')
  utimesSync(path, new Date(0), new Date(0))
  expect(await withLock(path, limits, async () => 'mine')).toBe('mine')
})

test('a lock held too long is an error that names its owner, and stays', async () => {
  writeFileSync(path, String(process.pid))
  await expect(withLock(path, { deadlineMs: 0 }, async () => 'mine')).rejects.toMatchObject({
    message: expect.stringContaining(`held by process ${process.pid}`),
    exitCode: 75,
  })
  expect(existsSync(path)).toBe(true)
})

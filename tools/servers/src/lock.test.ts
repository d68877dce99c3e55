import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from './lock.ts'

let room: string
let path: string

beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'lock-'))
  path = join(room, 'job.lock')
})
afterEach(() => rm(room, { recursive: true, force: true }))

test('jobs under one lock run one after the other', async () => {
  const steps: string[] = []
  const job = (name: string) => async () => {
    steps.push(`${name} in`)
    await new Promise(setImmediate)
    steps.push(`${name} out`)
  }
  await Promise.all(['a', 'b', 'c'].map((name) => withLock(path, { deadlineMs: 5_000 }, job(name))))
  const order = steps.filter((step) => step.endsWith('in')).map((step) => step[0])
  expect(steps).toEqual(order.flatMap((name) => [`${name} in`, `${name} out`]))
})

test('is released when the job fails', async () => {
  await expect(withLock(path, { deadlineMs: 100 }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await readdir(room)).toEqual([])
})

test('of a dead process is taken over', async () => {
  await writeFile(path, '999999999')
  expect(await withLock(path, { deadlineMs: 5_000 }, () => Promise.resolve('done'))).toBe('done')
})

test('whose owner died before it wrote its id is taken over', async () => {
  await writeFile(path, '')
  await utimes(path, new Date(0), new Date(0))
  expect(await withLock(path, { deadlineMs: 5_000 }, () => Promise.resolve('done'))).toBe('done')
})

test('of a live process is respected until the deadline, then named', async () => {
  await writeFile(path, String(process.pid))
  await expect(withLock(path, { deadlineMs: 0 }, () => Promise.resolve())).rejects.toThrow(
    `held by process ${process.pid}`,
  )
})

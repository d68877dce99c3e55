import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { aptInstall, withoutServices } from './apt.ts'
import { execute } from './execute.ts'

let room: string
let policy: string

beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'apt-'))
  policy = join(room, 'policy-rc.d')
})
afterEach(() => rm(room, { recursive: true, force: true }))

test('while packages install, their services are told not to start, and after that no longer', async () => {
  await withoutServices(async () => {
    await expect(execute(policy, ['nginx', 'start'], { deadlineMs: 5_000 })).rejects.toThrow('ended with code 101')
  }, policy)
  expect(existsSync(policy)).toBe(false)
})

test('a failed installation leaves no policy', async () => {
  await expect(withoutServices(() => Promise.reject(new Error('no')), policy)).rejects.toThrow('no')
  expect(existsSync(policy)).toBe(false)
})

test('a policy that was there stays as it is', async () => {
  await writeFile(policy, 'theirs')
  await withoutServices(async () => expect(await readFile(policy, 'utf8')).toBe('theirs'), policy)
  expect(await readFile(policy, 'utf8')).toBe('theirs')
})

test('the policy of an installation that was killed is removed by the next', async () => {
  let ours = ''
  await withoutServices(async () => void (ours = await readFile(policy, 'utf8')), policy)
  await writeFile(policy, ours)
  await withoutServices(() => Promise.resolve(), policy)
  expect(existsSync(policy)).toBe(false)
})

test('where apt-get may not be used, the error names the packages and the remedy', async () => {
  await expect(aptInstall(['one', 'two'], 'install the thing', { PATH: room })).rejects.toThrow(
    /^one two is missing and only root on Debian may install it by itself: install the thing$/,
  )
})

import { execute } from '@armature/servers/execute'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { originOf } from './origin.ts'

let folder: string
const identity = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_AUTHOR_NAME: 'a', GIT_COMMITTER_NAME: 'a', EMAIL: 'a@b.c' }
const env = { PATH: process.env['PATH'], ...identity, GIT_COMMITTER_DATE: '1700000000 +0100' }
const git = (...args: string[]) => execute('git', ['-C', folder, ...args], { deadlineMs: 10_000, env })

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'origin-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const committed = async () => {
  await git('init', '-q')
  await writeFile(join(folder, 'a.txt'), 'one')
  await git('add', 'a.txt')
  await git('commit', '-q', '-m', 'one')
  return (await git('rev-parse', 'HEAD')).trim()
}

test('is the commit, with its time', async () => {
  const commit = await committed()
  await writeFile(join(folder, 'untracked.txt'), '')
  expect(await originOf(folder, undefined, env)).toEqual({
    committedAt: new Date(1_700_000_000_000),
    revision: commit,
    source: undefined,
  })
})

test('says when files differ from the commit', async () => {
  const commit = await committed()
  await writeFile(join(folder, 'a.txt'), 'two')
  expect(await originOf(folder, undefined, env)).toMatchObject({ revision: `${commit}-dirty` })
})

test('has the time of SOURCE_DATE_EPOCH, also outside a checkout', async () => {
  const origin = { committedAt: new Date(5_000), revision: undefined, source: undefined }
  expect(await originOf(folder, undefined, { ...env, SOURCE_DATE_EPOCH: '5' })).toEqual(origin)
  await expect(originOf(folder, undefined, env)).rejects.toThrow('set SOURCE_DATE_EPOCH')
  await expect(originOf(folder, undefined, { ...env, SOURCE_DATE_EPOCH: 'now' })).rejects.toThrow(
    'SOURCE_DATE_EPOCH is now',
  )
})

describe('its repository', () => {
  test.each([
    ['https://user:word@git.example/a/b.git', 'https://git.example/a/b.git'],
    ['git@git.example:a/b.git', 'https://git.example/a/b.git'],
    ['ssh://git@git.example/a/b.git', 'ssh://git.example/a/b.git'],
    ['/srv/git/b.git', undefined],
    ['file:///srv/git/b.git', undefined],
    ['../b', undefined],
  ])('%s is shown as %s', async (remote, shown) => {
    await committed()
    await git('remote', 'add', 'origin', remote)
    expect((await originOf(folder, undefined, env)).source).toBe(shown)
  })

  test('is that of package.json before that of the remote', async () => {
    await committed()
    await git('remote', 'add', 'origin', 'https://git.example/fork.git')
    expect((await originOf(folder, 'git+https://git.example/a.git', env)).source).toBe('https://git.example/a.git')
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lockFolder } from './lock.ts'

const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'lock-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

/** The id of a process that has ended. */
const endedPid = async (): Promise<number> => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid!
}

describe('a folder', () => {
  test('is taken by one, and free again when it is released', async () => {
    const path = await folder()
    const release = await lockFolder(path)
    expect(await readFile(join(path, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `))
    await expect(lockFolder(path)).rejects.toMatchObject({
      exitCode: 75,
      message: expect.stringContaining(`process ${process.pid}`),
      fix: expect.stringContaining('--spool-dir'),
    })
    await release()
    await release()
    await (
      await lockFolder(path)
    )()
    expect(await readdir(path)).toEqual([])
  })

  test('is given to one of many that ask at once', async () => {
    const path = await folder()
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(path)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await readdir(path)).toEqual(['lock'])
  })

  test.each([
    ['a process that has ended', async () => `${await endedPid()} 1 x\n`],
    ['an earlier process with an id that came again', async () => `${process.pid} 1 x\n`],
    ['nobody', async () => ''],
  ])('is taken over from %s', async (_name, content) => {
    const path = await folder()
    await writeFile(join(path, 'lock'), await content())
    await (
      await lockFolder(path)
    )()
    expect(await readdir(path)).toEqual([])
  })

  test('is not released by one that lost it', async () => {
    const path = await folder()
    const release = await lockFolder(path)
    await writeFile(join(path, 'lock'), 'another')
    await release()
    expect(await readFile(join(path, 'lock'), 'utf8')).toBe('another')
  })
})

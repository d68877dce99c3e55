import { mkdir, rm, symlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { openWorld } from '../test/world.ts'

describe('which files', () => {
  test('Vector file_multiple_paths: a file that two globs and a link match is read once', async () => {
    const world = await openWorld()
    await world.write('a.log', 'one\n')
    await symlink(world.logs('a.log'), world.logs('link.log'))
    await world.start({ globs: [world.logs('*.log'), world.logs('a.*'), world.logs('a.log')] })
    await world.expect(['one'])
    await world.write('a.log', 'two\n')
    await world.expect(['one', 'two'])
    await world.passed()
    expect(world.texts()).toEqual(['one', 'two'])
  })

  test('a folder that matches is passed over', async () => {
    const world = await openWorld()
    await mkdir(world.logs('folder.log'))
    await world.write('a.log', 'one\n')
    await world.start()
    await world.expect(['one'])
    expect(world.warnings).toEqual([])
  })

  test('a name with the signs of globs is that file', async () => {
    const world = await openWorld()
    await world.write('a[1].log', 'one\n')
    await world.start({ globs: [world.logs('a[1].log')] })
    await world.expect(['one'])
  })

  test('a glob that matches nothing is warned about once, and waited for', async () => {
    const world = await openWorld()
    await world.start({ globs: [world.logs('*.none')] })
    await world.until(() => expect(world.clock.now()).toBeGreaterThan(Date.UTC(2026, 0, 1) + 5_000))
    await world.write('a.none', 'one\n')
    await world.expect(['one'])
    expect(world.warnings).toEqual([`no file matches ${world.logs('*.none')} yet`])
  })

  test('a compressed file is passed over, with a warning where its name does not say so', async () => {
    const world = await openWorld()
    await world.write('a.log', Buffer.from([0x1f, 0x8b, 0x08, 0x0a, 0x0a]))
    await world.write('b.log.gz', Buffer.from([0x1f, 0x8b, 0x08, 0x0a, 0x0a]))
    await world.start({ globs: [world.logs('*.log*')] })
    await world.passed()
    expect(world.texts()).toEqual([])
    expect(world.warnings).toEqual([`${world.logs('a.log')} is not read: it is compressed (gzip)`])
  })

  test('a link that leads nowhere is waited for', async () => {
    const world = await openWorld()
    await symlink(world.logs('target'), world.logs('link.log'))
    await world.start()
    await world.passed()
    await world.write('target', 'one\n')
    await world.expect(['one'])
    expect(world.lines[0]?.path).toBe(world.logs('link.log'))
  })

  test('more files than may be open are all read, and followed', async () => {
    const world = await openWorld({ maxOpenFiles: 2 })
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const name of names) await world.write(`${name}.log`, `${name} 1\n`)
    const { tail } = await world.start()
    await world.until(() => expect(world.texts().toSorted()).toEqual(names.map((name) => `${name} 1`)))
    for (const name of names) await world.write(`${name}.log`, `${name} 2\n`)
    await world.until(() => expect(world.texts()).toHaveLength(10))
    expect(new Set(world.texts()).size).toBe(10)
    expect(tail.stats.openFiles).toBeLessThanOrEqual(2)
  })
})

describe.runIf(process.platform === 'linux')('a file that cannot be read', () => {
  test.each([
    // Looking at it fails, then reading it.
    ['goes in a circle', 'a.log'],
    ['fails', '/proc/self/mem'],
  ])('since it %s is warned about once, and read when it can be', async (_why, target) => {
    const world = await openWorld()
    await symlink(target, world.logs('a.log'))
    const { tail } = await world.start({ globs: [world.logs('*.log'), world.logs('passed*.log')] })
    await world.passed()
    await world.passed()
    expect(world.warnings.filter((warning) => warning.includes('a.log'))).toHaveLength(1)
    expect(tail.stats.unreadable).toBe(1)
    await rm(world.logs('a.log'))
    await world.write('a.log', 'one\n')
    await world.expect(['one'])
  })
})

import { rm, stat, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { joined, numbered, openWorld, type World } from '../test/world.ts'

describe('FAULTS row 44, inode reuse', () => {
  /** The next file with the inode of one that was removed, as file systems give it. */
  const reuse = async (world: World, name: string, text: string, inode: bigint): Promise<boolean> => {
    await writeFile(world.logs(name), text)
    return (await stat(world.logs(name), { bigint: true })).ino === inode
  }

  test.each([
    ['shorter', numbered(101, 102)],
    ['longer', numbered(101, 120)],
  ])('a file, %s than a removed one, with its inode: read from the beginning', async (_how, lines) => {
    const world = await openWorld()
    // Where the file system does not give the inode again, the same file is filled anew: what is seen is the same.
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start()
    await world.expect(numbered(1, 3))
    await first.close()
    const { ino } = await stat(world.logs('a.log'), { bigint: true })
    await rm(world.logs('a.log'))
    if (!(await reuse(world, 'b.log', joined(lines), ino))) {
      await rm(world.logs('b.log'))
      await world.write('b.log', '')
      await first.close()
      await world.rewrite('b.log', joined(lines))
    }
    await world.start()
    await world.expect([...numbered(1, 3), ...lines])
    expect(new Set(world.lines.map(({ id }) => id.split(':')[0])).size).toBe(2)
  })

  test('the inode of a file that is open is not given again: nothing of it is lost', async () => {
    const world = await openWorld({ rotateWaitMs: 1_000 })
    const all: string[] = []
    await world.write('a.log', 'line 0\n')
    all.push('line 0')
    await world.start()
    await world.expect(all)
    for (let round = 1; round <= 20; round++) {
      await world.write('a.log', `late ${round}\n`)
      await rm(world.logs('a.log'))
      await world.write('a.log', `first ${round}\n`)
      all.push(`late ${round}`, `first ${round}`)
      await world.until(() => expect(world.texts().toSorted()).toEqual(all.toSorted()))
    }
  })
})

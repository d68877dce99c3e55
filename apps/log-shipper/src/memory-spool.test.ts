import { expect, test } from 'vitest'
import { lines, textsIn } from '../test/spool-world.ts'
import { memorySpool } from './memory-spool.ts'

const limit = { count: 2, bytes: 1_000 }

test('gives lines out in order, within the limits, and resolves the append when all of it is acknowledged', async () => {
  const spool = memorySpool()
  const settled: string[] = []
  const appending = [lines('a', 'b', 'c'), lines('d')].map((each, index) =>
    spool.append(each).then(() => settled.push(`append ${index}`)),
  )
  expect([spool.pending, spool.unread, spool.unreadBytes]).toEqual([4, 4, 4])
  const first = await spool.read(limit)
  expect(textsIn(first)).toEqual(['a', 'b'])
  const second = await spool.read(limit)
  expect([textsIn(second), second.endsEarly]).toEqual([['c'], true])
  await spool.acked(first)
  await Promise.resolve()
  expect([settled, spool.pending]).toEqual([[], 2])
  await spool.acked(second)
  await appending[0]
  expect(settled).toEqual(['append 0'])
  const third = await spool.read(limit)
  expect([textsIn(third), third.sequences[0], spool.unread]).toEqual([['d'], 4, 0])
  expect((await spool.read(limit)).count).toBe(0)
  await spool.acked(third)
  await Promise.all(appending)
  expect(spool.pending).toBe(0)
})

test('closed, it lets go of who waits, and takes no more', async () => {
  const spool = memorySpool()
  const appending = spool.append(lines('a'))
  const refused = expect(appending).rejects.toThrow('the spool is closed')
  await spool.close()
  await refused
  await expect(spool.append(lines('b'))).rejects.toThrow('the spool is closed')
  expect(spool.pending).toBe(1)
})

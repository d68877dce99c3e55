import { describe, expect, test } from 'vitest'
import { simulatedDisk } from '../test/simulated-disk.ts'
import { everything, lines, linesIn, linesOf, opened, readAll, textsIn } from '../test/spool-world.ts'
import { numbered } from '../test/world.ts'
import type { DiskFile } from './disk.ts'
import { leastSpoolBytes } from './spool.ts'

describe('a queue', () => {
  test('gives lines out in order, once, with what belongs to them', async () => {
    const { spool } = await opened(simulatedDisk())
    await spool.append(lines('a'))
    await spool.append(linesOf([{ bytes: Buffer.from([0xff]), fault: 'not-utf8' }], 5))
    await spool.append(linesOf([{ bytes: Buffer.from('cut'), fault: 'too-long', cutBytes: 7 }], 6))
    expect(linesIn(await spool.read(everything))).toMatchObject([
      { fault: undefined, cutBytes: 0, timeMs: 1_000 },
      { fault: 'not-utf8', cutBytes: 0, timeMs: 5 },
      { fault: 'too-long', cutBytes: 7, timeMs: 6 },
    ])
    expect(await readAll(spool)).toEqual([])
  })

  test('limits a read by count and by bytes', async () => {
    const { spool } = await opened(simulatedDisk())
    await spool.append(lines('aaaa', 'bbbb', 'cccc', 'dddd'))
    expect(textsIn(await spool.read({ count: 1, bytes: 100 }))).toEqual(['aaaa'])
    expect(textsIn(await spool.read({ count: 9, bytes: 5 }))).toEqual(['bbbb', 'cccc'])
    expect(textsIn(await spool.read({ count: 9, bytes: 1 }))).toEqual(['dddd'])
  })

  test('counts what it holds from append to ack', async () => {
    const { spool } = await opened(simulatedDisk())
    const appending = spool.append(lines('a', 'b', 'c'))
    expect([spool.waiting, spool.pending]).toEqual([3, 0])
    await appending
    expect([spool.waiting, spool.pending]).toEqual([0, 3])
    const batch = await spool.read({ count: 2, bytes: 100 })
    expect(spool.pending).toBe(3)
    await spool.acked(batch)
    expect(spool.pending).toBe(1)
  })

  test('says when a line arrives', async () => {
    const { spool } = await opened(simulatedDisk())
    const told = spool.appended()
    expect(spool.unread).toBe(0)
    await spool.append(lines('a'))
    await told
    expect(spool.unread).toBe(1)
  })

  test('leaves no segment behind when all is acked', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('a'))
    await spool.acked(await spool.read(everything))
    await spool.close()
    expect([...disk.files.keys()]).toEqual(['cursor'])
  })

  test('takes nothing once closed', async () => {
    const { spool } = await opened(simulatedDisk())
    await spool.close()
    await spool.close()
    await expect(spool.append(lines('a'))).rejects.toThrow('closed')
  })
})

describe('bounds', () => {
  const small = { maxBytes: leastSpoolBytes(100), maxLineBytes: 100 }

  test('a bound that could not hold a line and take the next is refused', async () => {
    await expect(opened(simulatedDisk(), { ...small, maxBytes: small.maxBytes - 1 })).rejects.toThrow(/maxBytes/)
  })

  test('append waits while the spool is full, and goes on as lines are acked', async () => {
    const { spool } = await opened(simulatedDisk(), small)
    const texts = numbered(1, 200)
    const appending = spool.append(lines(...texts))
    const read: string[] = []
    while (read.length < texts.length) {
      await expect.poll(() => spool.full === 'bound' || spool.waiting === 0, { interval: 1 }).toBe(true)
      expect(spool.sizeBytes).toBeLessThanOrEqual(small.maxBytes)
      const batch = await spool.read({ count: 3, bytes: 1_000 })
      read.push(...textsIn(batch))
      await spool.acked(batch)
    }
    await appending
    expect(read).toEqual(texts)
    expect(spool.full).toBeUndefined()
  })

  test('the longest lines pass one by one', async () => {
    const { spool } = await opened(simulatedDisk(), small)
    const texts = Array.from({ length: 50 }, (_, index) => String(index).padStart(100, '0'))
    const appending = spool.append(lines(...texts))
    const read: string[] = []
    while (read.length < texts.length) {
      const batch = await spool.read({ count: 1, bytes: 1 })
      if (batch.count === 0) await spool.appended()
      read.push(...textsIn(batch))
      await spool.acked(batch)
    }
    await appending
    expect(read).toEqual(texts)
  })

  test('what waits is admitted at the end', async () => {
    const { spool } = await opened(simulatedDisk(), small)
    const appending = spool.append(lines(...numbered(1, 100)))
    await expect.poll(() => spool.full).toBe('bound')
    spool.admitAll()
    await appending
    expect(spool.pending).toBe(100)
  })

  test('closing lets go of an append that waits', async () => {
    const { spool } = await opened(simulatedDisk(), small)
    const appending = spool.append(lines(...numbered(1, 100)))
    await expect.poll(() => spool.full).toBe('bound')
    const { waiting, pending } = spool
    await Promise.all([spool.close(), expect(appending).rejects.toThrow('closed')])
    expect([spool.waiting, spool.pending]).toEqual([waiting, pending])
  })
})

describe('closing while a write is under way', () => {
  const small = { maxBytes: leastSpoolBytes(100), maxLineBytes: 100 }

  /** A disk on which each write waits until it is let go. */
  const slowDisk = () => {
    const disk = simulatedDisk()
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const create = async (name: string, durable: boolean): Promise<DiskFile> => {
      const file = await disk.create(name, durable)
      const write = async (bytes: Uint8Array, position: number) => {
        begun.resolve()
        await gate.promise
        await file.write(bytes, position)
      }
      return { ...file, write }
    }
    return { disk, slow: { ...disk, create }, begun: begun.promise, letGo: gate.resolve }
  }

  test('bug: it hung for ever where the spool was full after that write', async () => {
    const { disk, slow, begun, letGo } = slowDisk()
    const { spool } = await opened(slow, small)
    const appending = spool.append(lines(...numbered(1, 100)))
    await begun
    const closing = spool.close()
    letGo()
    await Promise.all([closing, expect(appending).rejects.toThrow('closed')])
    const { pending } = spool
    expect(pending).toBeGreaterThan(0)
    expect(await readAll((await opened(disk.afterCrash(), small)).spool)).toEqual(numbered(1, pending))
  })

  test('bug: it hung where the disk was full at that write', async () => {
    const { disk, slow, begun, letGo } = slowDisk()
    const { spool } = await opened(slow)
    const appending = spool.append(lines('a'))
    await begun
    disk.fail('write', 'ENOSPC')
    const closing = spool.close()
    letGo()
    await Promise.all([closing, expect(appending).rejects.toThrow('closed')])
  })
})

describe('a disk that fails', () => {
  test.each(['create', 'write'] as const)(
    'FAULTS row 12: full at %s: append waits and tries again',
    async (operation) => {
      const disk = simulatedDisk()
      const { spool, clock } = await opened(disk)
      if (operation === 'write') await spool.append(lines('first'))
      disk.fail(operation, 'ENOSPC', 3)
      const appending = spool.append(lines('a', 'b'))
      await expect.poll(() => spool.full).toBe('disk')
      await clock.advance(10_000)
      await appending
      expect(spool.full).toBeUndefined()
      const expected = operation === 'write' ? ['first', 'a', 'b'] : ['a', 'b']
      expect(await readAll(spool)).toEqual(expected)
      const again = await opened(disk.afterCrash())
      expect(await readAll(again.spool)).toEqual(expected)
      expect(again.damage).toEqual([])
    },
  )

  test('FAULTS row 13: a failed sync is final: the lines are not given out and nothing more is taken', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('held'))
    disk.fail('sync', 'EIO')
    await expect(spool.append(lines('lost'))).rejects.toThrow('EIO')
    await expect(spool.append(lines('more'))).rejects.toThrow('EIO')
    expect([spool.pending, spool.waiting]).toEqual([1, 2])
    expect(await readAll(spool)).toEqual(['held'])
  })

  test('a cursor that cannot be written costs a repeat, no line', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('a', 'b'))
    disk.fail('replace', 'ENOSPC')
    await expect(spool.acked(await spool.read({ count: 1, bytes: 1 }))).rejects.toThrow('ENOSPC')
    expect(spool.pending).toBe(1)
    expect(await readAll((await opened(disk.afterCrash())).spool)).toEqual(['a', 'b'])
  })
})

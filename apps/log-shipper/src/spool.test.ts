import { drivenClock } from '@armature/messaging/clock'
import { describe, expect, test } from 'vitest'
import { type SimulatedDisk, simulatedDisk } from '../test/simulated-disk.ts'
import { recordHeaderBytes } from './record.ts'
import { leastSpoolBytes, type NewLine, openSpool, type Spool, type SpooledLine, type SpoolOptions } from './spool.ts'
import type { Damage } from './spool-recovery.ts'

const line = (text: string): NewLine => ({ bytes: Buffer.from(text), cutBytes: 0, timeMs: 1_000 })
const lines = (...texts: string[]): NewLine[] => texts.map(line)
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)
const text = ({ bytes }: Pick<SpooledLine, 'bytes'>) => Buffer.from(bytes).toString()
const everything = { count: 10_000, bytes: 1_000_000 }

const opened = async (disk: SimulatedDisk, options: Partial<SpoolOptions> = {}) => {
  const damage: Damage[] = []
  const clock = drivenClock()
  const spool = await openSpool({
    disk,
    clock,
    maxBytes: 1_000_000,
    maxLineBytes: 1_000,
    sync: true,
    onDamage: (each) => damage.push(each),
    ...options,
  })
  return { spool, damage, clock, damagedLines: () => damage.reduce((sum, each) => sum + each.lines, 0) }
}

const readAll = async (spool: Spool): Promise<string[]> => (await spool.read(everything)).lines.map(text)

describe('a queue', () => {
  test('gives lines out in order, once, with what belongs to them', async () => {
    const { spool } = await opened(simulatedDisk())
    await spool.append([line('a'), { bytes: Buffer.from([0xff]), fault: 'not-utf8', cutBytes: 0, timeMs: 5 }])
    await spool.append([{ bytes: Buffer.from('cut'), fault: 'too-long', cutBytes: 7, timeMs: 6 }])
    const { lines: read } = await spool.read(everything)
    expect(read).toMatchObject([
      { fault: undefined, cutBytes: 0, timeMs: 1_000 },
      { fault: 'not-utf8', cutBytes: 0, timeMs: 5 },
      { fault: 'too-long', cutBytes: 7, timeMs: 6 },
    ])
    expect(await readAll(spool)).toEqual([])
  })

  test('limits a read by count and by bytes', async () => {
    const { spool } = await opened(simulatedDisk())
    await spool.append(lines('aaaa', 'bbbb', 'cccc', 'dddd'))
    expect((await spool.read({ count: 1, bytes: 100 })).lines.map(text)).toEqual(['aaaa'])
    expect((await spool.read({ count: 9, bytes: 5 })).lines.map(text)).toEqual(['bbbb', 'cccc'])
    expect((await spool.read({ count: 9, bytes: 1 })).lines.map(text)).toEqual(['dddd'])
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
    expect(spool.allRead).toBe(true)
    await spool.append(lines('a'))
    await told
    expect(spool.allRead).toBe(false)
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

describe('opened again', () => {
  test('gives out what was not acked, with the same ids, before what is new', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines(...numbered(1, 5)))
    await spool.acked(await spool.read({ count: 2, bytes: 1_000 }))
    const unacked = await spool.read(everything)
    const again = await opened(disk.afterCrash())
    expect(again.spool.pending).toBe(3)
    await again.spool.append(lines('new'))
    const { lines: read } = await again.spool.read(everything)
    expect(read.map(text)).toEqual([...numbered(3, 5), 'new'])
    expect(read.slice(0, 3).map(({ id }) => id)).toEqual(unacked.lines.map(({ id }) => id))
  })

  test('no two lines have one id, over many openings', async () => {
    let disk = simulatedDisk()
    const ids: string[] = []
    for (let opening = 0; opening < 20; opening++) {
      const { spool } = await opened(disk)
      const old = await spool.read(everything)
      await spool.append(lines('a', 'b', 'c'))
      const fresh = await spool.read(everything)
      ids.push(...fresh.lines.map(({ id }) => id))
      await spool.acked(opening % 2 === 0 ? old : fresh)
      disk = opening % 3 === 0 ? disk.afterPowerCut(() => 0) : disk.afterCrash()
    }
    expect(new Set(ids).size).toBe(60)
  })

  test('the last record cut off at any byte: the others are given out, and the next lines are kept', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('first', 'second', 'the last'))
    const name = [...disk.files.keys()][0]!
    const whole = disk.files.get(name)!.bytes
    const lastBytes = recordHeaderBytes + 'the last'.length
    for (let cut = 1; cut <= lastBytes; cut++) {
      const crashed = disk.afterCrash()
      crashed.files.get(name)!.bytes = whole.subarray(0, whole.length - cut)
      const again = await opened(crashed)
      expect(again.spool.pending, `cut by ${cut}`).toBe(2)
      expect(crashed.files.get(name)!.bytes).toHaveLength(whole.length - lastBytes)
      await again.spool.append(lines('new'))
      const third = await opened(crashed.afterCrash())
      expect(await readAll(third.spool)).toEqual(['first', 'second', 'new'])
      expect(third.spool.pending).toBe(3)
      expect([...again.damage, ...third.damage]).toEqual([])
    }
  })

  test('any bit flipped: that line alone is missing, and counted', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('aaa', 'bbb', 'ccc'))
    const name = [...disk.files.keys()][0]!
    const recordBytes = recordHeaderBytes + 3
    for (let bit = 0; bit < 3 * recordBytes * 8; bit++) {
      const crashed = disk.afterCrash()
      const bytes = Buffer.from(crashed.files.get(name)!.bytes)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      crashed.files.get(name)!.bytes = bytes
      const again = await opened(crashed)
      const hit = Math.floor((bit >> 3) / recordBytes)
      const expected = ['aaa', 'bbb', 'ccc'].filter((_, index) => index !== hit)
      const batch = await again.spool.read(everything)
      expect(batch.lines.map(text), `bit ${bit}`).toEqual(expected)
      // A longer length at the very end cannot be told from a write that was cut off.
      if (hit < 2) expect(again.damagedLines(), `bit ${bit}`).toBe(1)
      expect(again.spool.pending).toBe(2)
      await again.spool.acked(batch)
      expect(again.spool.pending).toBe(0)
    }
  })

  test('a bit flipped while it runs: the line is missing, counted, and no longer pending', async () => {
    const disk = simulatedDisk()
    const { spool, damage, damagedLines } = await opened(disk)
    await spool.append(lines('aaa', 'bbb', 'ccc'))
    const file = [...disk.files.values()][0]!
    file.bytes[file.bytes.length - 1]! ^= 1
    const batch = await spool.read(everything)
    expect(batch.lines.map(text)).toEqual(['aaa', 'bbb'])
    expect(damage).toEqual([{ lines: 1, bytes: recordHeaderBytes + 3 }])
    expect(spool.pending).toBe(2)
    await spool.append(lines('ddd'))
    await spool.acked(batch)
    expect(spool.pending).toBe(1)
    expect(await readAll(spool)).toEqual(['ddd'])
    expect(damagedLines()).toBe(1)
  })

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['torn', '3 '],
    ['ahead by a flipped bit', (good: string) => good.replace('2', '6')],
    ['foreign', '{"acked":9}'],
  ])('a cursor that is %s: all is given out again', async (_name, content) => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('a', 'b', 'c'))
    await spool.acked(await spool.read({ count: 2, bytes: 100 }))
    const crashed = disk.afterCrash()
    const cursor = crashed.files.get('cursor')!
    if (content === undefined) await crashed.remove('cursor')
    else cursor.bytes = Buffer.from(typeof content === 'string' ? content : content(cursor.bytes.toString()))
    expect(await readAll((await opened(crashed)).spool)).toEqual(['a', 'b', 'c'])
  })

  test('a file of another program is left alone', async () => {
    const disk = simulatedDisk()
    await disk.create('README', true)
    const { spool } = await opened(disk)
    await spool.append(lines('a'))
    expect(disk.files.has('README')).toBe(true)
  })
})

describe('power cut', () => {
  test('what append resolved for is there', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines('a', 'b'))
    expect(await readAll((await opened(disk.afterPowerCut(() => 0))).spool)).toEqual(['a', 'b'])
  })

  test('without sync it may be gone, and the next lines do not take its ids', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk, { sync: false })
    await spool.append(lines('a', 'b'))
    const published = await spool.read(everything)
    const again = await opened(
      disk.afterPowerCut(() => 0),
      { sync: false },
    )
    await again.spool.append(lines('c', 'd'))
    const read = await again.spool.read(everything)
    expect(read.lines.map(text)).toEqual(['c', 'd'])
    expect(read.lines.map(({ id }) => id)).not.toEqual(expect.arrayContaining([published.lines[0]!.id]))
  })

  test('a cursor that survived its lines does not swallow the next', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk, { sync: false })
    await spool.append(lines(...numbered(1, 9)))
    await spool.acked(await spool.read(everything))
    const cursorOnly = disk.afterCrash()
    for (const name of [...cursorOnly.files.keys()]) if (name !== 'cursor') await cursorOnly.remove(name)
    const again = await opened(cursorOnly, { sync: false })
    await again.spool.append(lines('new'))
    expect(again.spool.pending).toBe(1)
    expect(await readAll(again.spool)).toEqual(['new'])
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
      read.push(...batch.lines.map(text))
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
      if (batch.lines.length === 0) await spool.appended()
      read.push(...batch.lines.map(text))
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

describe('a disk that fails', () => {
  test.each(['create', 'write'] as const)('full at %s: append waits and tries again', async (operation) => {
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
  })

  test('a failed sync is final: the lines are not given out and nothing more is taken', async () => {
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

import { describe, expect, test } from 'vitest'
import { simulatedDisk } from '../test/simulated-disk.ts'
import {
  everything,
  lines,
  linesIn,
  opened,
  readAll,
  readBatches,
  readEach,
  text,
  textsIn,
} from '../test/spool-world.ts'
import { numbered } from '../test/world.ts'
import { recordHeaderBytes } from './record.ts'

describe('opened again', () => {
  test('gives out what was not acked, with the same ids, before what is new', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(lines(...numbered(1, 5)))
    await spool.acked(await spool.read({ count: 2, bytes: 1_000 }))
    const unacked = await readEach(spool)
    const again = await opened(disk.afterCrash())
    expect(again.spool.pending).toBe(3)
    await again.spool.append(lines('new'))
    const read = await readEach(again.spool)
    expect(read.map(text)).toEqual([...numbered(3, 5), 'new'])
    expect(read.slice(0, 3).map(({ id }) => id)).toEqual(unacked.map(({ id }) => id))
  })

  test('no two lines have one id, over many openings', async () => {
    let disk = simulatedDisk()
    const ids: string[] = []
    for (let opening = 0; opening < 20; opening++) {
      const { spool } = await opened(disk)
      const old = await spool.read(everything)
      await spool.append(lines('a', 'b', 'c'))
      const fresh = await spool.read(everything)
      ids.push(...linesIn(fresh).map(({ id }) => id))
      await spool.acked(opening % 2 === 0 ? old : fresh)
      disk = opening % 3 === 0 ? disk.afterPowerCut(() => 0) : disk.afterCrash()
    }
    expect(new Set(ids).size).toBe(60)
  })

  test('FAULTS row 13: the last record cut off at any byte: the others are given out, and the next lines are kept', async () => {
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

  test('FAULTS row 14: any bit flipped: that line alone is missing, and counted', async () => {
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
      const batches = await readBatches(again.spool)
      expect(batches.flatMap(textsIn), `bit ${bit}`).toEqual(expected)
      // A longer length at the very end cannot be told from a write that was cut off.
      if (hit < 2) expect(again.damagedLines(), `bit ${bit}`).toBe(1)
      expect(again.spool.pending).toBe(2)
      for (const batch of batches) await again.spool.acked(batch)
      expect(again.spool.pending).toBe(0)
    }
  })

  test('FAULTS row 14: a bit flipped while it runs: the line is missing, counted, and no longer pending', async () => {
    const disk = simulatedDisk()
    const { spool, damage, damagedLines } = await opened(disk)
    await spool.append(lines('aaa', 'bbb', 'ccc'))
    const file = [...disk.files.values()][0]!
    file.bytes[file.bytes.length - 1]! ^= 1
    const batch = await spool.read(everything)
    expect(textsIn(batch)).toEqual(['aaa', 'bbb'])
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
    const published = await readEach(spool)
    const again = await opened(
      disk.afterPowerCut(() => 0),
      { sync: false },
    )
    await again.spool.append(lines('c', 'd'))
    const read = await readEach(again.spool)
    expect(read.map(text)).toEqual(['c', 'd'])
    expect(read.map(({ id }) => id)).not.toEqual(expect.arrayContaining([published[0]!.id]))
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

test('bug: a segment whose number is out of range made every append fail: it is damage, and left as it is', async () => {
  const disk = simulatedDisk()
  for (const number of ['9999999999999999', '0281474976710655', '0140737488355329']) {
    await (await disk.create(`${number}-0123456789abcdef.segment`, true)).write(Buffer.from('lines'), 0)
  }
  const { spool, damage } = await opened(disk)
  expect(damage).toEqual(Array.from({ length: 3 }, () => ({ lines: 1, bytes: 5 })))
  await spool.append(lines('a', 'b'))
  expect(await readAll(spool)).toEqual(['a', 'b'])
  expect((await disk.list()).filter((name) => name.endsWith('-0123456789abcdef.segment'))).toHaveLength(3)
})

import { describe, expect, test } from 'vitest'
import { type SimulatedDisk, simulatedDisk } from '../test/simulated-disk.ts'
import { everything, lines, opened } from '../test/spool-world.ts'
import { recordHeaderBytes } from './record.ts'
import { inspectSpool } from './spool-inspection.ts'

/** Bytes of the record of `line N`. */
const record = recordHeaderBytes + 6

const segmentNames = (disk: SimulatedDisk) => [...disk.files.keys()].filter((name) => name.endsWith('.segment'))

const bytesOf = (disk: SimulatedDisk, name = '') => disk.files.get(name)!.bytes

const flip = (disk: SimulatedDisk, name: string | undefined, offset: number) => {
  bytesOf(disk, name)[offset]! ^= 0x10
}

const cut = (disk: SimulatedDisk, name: string | undefined, offset: number) => {
  disk.files.get(name!)!.bytes = bytesOf(disk, name).subarray(0, offset)
}

/** Two segments, of lines 1 to 4 and 5 to 7. */
const twoSegments = async () => {
  const disk = simulatedDisk()
  const first = await opened(disk)
  await first.spool.append(lines('line 1', 'line 2', 'line 3', 'line 4'))
  const next = disk.afterCrash()
  const { spool } = await opened(next)
  await spool.append(lines('line 5', 'line 6', 'line 7'))
  const [one, two] = segmentNames(next)
  return { disk: next, spool, one, two }
}

const damageOf = async (disk: SimulatedDisk) => (await inspectSpool(disk)).damage

describe('the segments of a spool', () => {
  test('none, in an empty folder', async () => {
    expect(await inspectSpool(simulatedDisk())).toEqual({ segments: [], damage: [] })
  })

  test('with their lines, bytes, times and what is acknowledged, beside the shipper that has them open', async () => {
    const { disk, spool, one, two } = await twoSegments()
    const batch = await spool.read({ count: 2, bytes: 1_000 })
    await spool.acked(batch)
    const times = { firstTimeMs: 1_000, lastTimeMs: 1_000 }
    expect(await inspectSpool(disk)).toEqual({
      segments: [
        { file: one, bytes: 4 * record, lines: 4, acknowledged: 2, ...times },
        { file: two, bytes: 3 * record, lines: 3, acknowledged: 0, ...times },
      ],
      damage: [],
    })
  })

  test('are left as they are, also a write that was cut off at the end: it is no damage', async () => {
    const { disk, two } = await twoSegments()
    cut(disk, two, 3 * record - 1)
    const before = new Map([...disk.files].map(([name, { bytes }]) => [name, Buffer.from(bytes)]))
    const { segments, damage } = await inspectSpool(disk)
    expect(damage).toEqual([])
    expect(segments.map((each) => each.lines)).toEqual([4, 2])
    expect(new Map([...disk.files].map(([name, { bytes }]) => [name, bytes]))).toEqual(before)
  })

  test('that go away while the folder is read were acknowledged, and are left out', async () => {
    const { disk, spool, one, two } = await twoSegments()
    const names = await disk.list()
    await spool.acked(await spool.read(everything))
    expect([...disk.files.keys()]).not.toContain(one)
    const { segments, damage } = await inspectSpool({ ...disk, list: async () => names })
    expect(segments.map(({ file }) => file)).toEqual([two])
    expect(damage).toEqual([])
  })
})

describe('damage', () => {
  test.each([
    ['the magic', 0],
    ['the checksum', 4],
    ['the length', 10],
    ['the sequence', 12],
    ['a line', recordHeaderBytes + 2],
  ])('a flipped bit in %s costs that line', async (_what, inRecord) => {
    const { disk, one } = await twoSegments()
    flip(disk, one, record + inRecord)
    expect(await damageOf(disk)).toMatchObject([{ file: one, offset: record, bytes: record, lines: 1 }])
  })

  test('at the beginning and at the end of a segment', async () => {
    const { disk, one, two } = await twoSegments()
    flip(disk, one, 3)
    flip(disk, one, 3 * record)
    flip(disk, two, 2 * record)
    expect(await damageOf(disk)).toMatchObject([
      { file: one, offset: 0, bytes: record, lines: 1 },
      { file: one, offset: 3 * record, bytes: record, lines: 1 },
      { file: two, offset: 2 * record, bytes: record, lines: 1 },
    ])
  })

  test.each([
    ['inside a record', 2 * record + 5, 5],
    ['between two records', 2 * record, 0],
    ['at its beginning', 0, 0],
  ])('a segment that was cut off %s, with another one behind it', async (_where, offset, bytes) => {
    const { disk, one } = await twoSegments()
    cut(disk, one, offset)
    const from = offset - bytes
    expect(await damageOf(disk)).toMatchObject([{ file: one, offset: from, bytes, lines: 4 - from / record }])
  })

  test('zeros in the middle', async () => {
    const { disk, one } = await twoSegments()
    bytesOf(disk, one).fill(0, record, 3 * record)
    expect(await damageOf(disk)).toMatchObject([{ file: one, offset: record, bytes: 2 * record, lines: 2 }])
  })

  test('a cursor that cannot be read costs no line', async () => {
    const { disk } = await twoSegments()
    await disk.replace('cursor', Buffer.from('12 00000000\n'))
    expect(await damageOf(disk)).toMatchObject([{ file: 'cursor', lines: 0 }])
  })

  test('a number that no shipper writes', async () => {
    const { disk } = await twoSegments()
    const file = '9999999999999999-0123456789abcdef.segment'
    await disk.create(file, true)
    expect(await damageOf(disk)).toMatchObject([{ file, lines: 1 }])
  })
})

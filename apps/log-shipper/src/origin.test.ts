import { describe, expect, test } from 'vitest'
import { simulatedDisk } from '../test/simulated-disk.ts'
import { everything, lines, linesIn, opened, readEach } from '../test/spool-world.ts'
import { encodeOrigin, type Origin, streams } from './origin.ts'
import type { NewLines } from './record.ts'

const originOf = (name: string): Origin => ({ id: `id-${name}`, key: `/var/log/${name}`, headers: { file: name } })

/** Lines of one file, of which each begins 100 bytes behind the one before. */
const fileLines = (name: string, texts: readonly string[], stream: (typeof streams)[number] = undefined): NewLines => ({
  ...lines(...texts),
  timesMs: Float64Array.from(texts, (_, index) => 7_000 + index),
  origins: {
    origin: encodeOrigin(originOf(name)),
    offsets: Float64Array.from(texts, (_, index) => 2 ** 40 + index * 100),
    streamOf: Uint8Array.from(texts, () => streams.indexOf(stream)),
  },
})

describe('lines of files', () => {
  test('come back with their file, their place, their stream and their time; those of none as they are', async () => {
    const { spool } = await opened(simulatedDisk())
    await spool.append(fileLines('a', ['one', 'two'], 'stderr'))
    await spool.append(lines('between'))
    await spool.append(fileLines('b', ['three']))
    await spool.append(fileLines('a', ['four'], 'stdout'))
    const batch = await spool.read(everything)
    const none = { origin: undefined, stream: undefined, timeMs: 1_000 }
    expect(linesIn(batch).map(({ bytes, id, ...line }) => ({ ...line, id, text: bytes.toString() }))).toMatchObject([
      { text: 'one', id: `id-a-${2 ** 40}`, origin: originOf('a'), stream: 'stderr', timeMs: 7_000 },
      { text: 'two', id: `id-a-${2 ** 40 + 100}`, origin: originOf('a'), stream: 'stderr', timeMs: 7_001 },
      { text: 'between', id: `${batch.idPrefix}3`, ...none },
      { text: 'three', id: `id-b-${2 ** 40}`, origin: originOf('b'), stream: undefined, timeMs: 7_000 },
      { text: 'four', id: `id-a-${2 ** 40}`, origin: originOf('a'), stream: 'stdout', timeMs: 7_000 },
    ])
  })

  test('have their file in each segment and each run, also where the first of them are settled', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk, { maxBytes: 8_000, maxLineBytes: 100 })
    const texts = Array.from({ length: 40 }, (_, index) => `line ${index}`)
    await spool.append(fileLines('a', texts))
    expect([...disk.files.keys()].filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(1)
    await spool.acked(await spool.read({ count: 3, bytes: 10_000 }))
    const found = await readEach((await opened(disk.afterCrash(), { maxBytes: 8_000, maxLineBytes: 100 })).spool)
    expect(found.map(({ bytes }) => bytes.toString())).toEqual(texts.slice(3))
    expect(found.map(({ id }) => id)).toEqual(texts.slice(3).map((_, index) => `id-a-${2 ** 40 + (index + 3) * 100}`))
    expect(found.every(({ origin }) => origin?.key === '/var/log/a')).toBe(true)
  })

  test('whose file was in a record that is damaged are given as lines of none, and none is lost', async () => {
    const disk = simulatedDisk()
    const { spool } = await opened(disk)
    await spool.append(fileLines('a', ['one', 'two', 'three']))
    const crashed = disk.afterCrash()
    for (const [name, file] of crashed.files) if (name.endsWith('.segment')) file.bytes[40]! ^= 1
    const { spool: next, damagedLines } = await opened(crashed)
    const found = await readEach(next)
    expect(found.map(({ bytes, origin }) => [bytes.toString(), origin])).toEqual([
      ['two', undefined],
      ['three', undefined],
    ])
    expect(damagedLines()).toBe(1)
  })

  test('have an origin of at most 64 KiB', () => {
    expect(() => encodeOrigin({ ...originOf('a'), key: 'x'.repeat(2 ** 16) })).toThrow(RangeError)
  })
})

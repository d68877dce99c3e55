import { describe, expect, test } from 'vitest'
import { joined, numbered, openWorld } from '../test/world.ts'

describe('lines of files', () => {
  test('come in order, each once, whatever is there at the start and comes later', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    await world.start()
    await world.expect(numbered(1, 3))
    await world.write('a.log', joined(numbered(4, 5)))
    await world.expect(numbered(1, 5))
    await world.write('b.log', 'other\n')
    await world.expect([...numbered(1, 5), 'other'])
    expect(new Set(world.lines.map(({ id }) => id)).size).toBe(6)
  })

  test('Vector file_read_empty_lines: empty lines are lines', async () => {
    const world = await openWorld()
    await world.write('a.log', 'one\n\n\ntwo\n')
    await world.start()
    await world.expect(['one', '', '', 'two'])
  })

  test('an empty file has none, until it has', async () => {
    const world = await openWorld()
    await world.write('a.log', '')
    await world.start()
    await world.passed()
    expect(world.texts()).toEqual([])
    await world.write('a.log', 'one\n')
    await world.expect(['one'])
  })

  test('a line that is written in pieces comes when it is whole', async () => {
    const world = await openWorld()
    await world.write('a.log', 'one\ntw')
    await world.start()
    await world.expect(['one'])
    await world.write('a.log', 'o')
    await world.passed()
    expect(world.texts()).toEqual(['one'])
    await world.write('a.log', ' and more\nthree\n')
    await world.expect(['one', 'two and more', 'three'])
  })

  test('the last line without an end comes when the file has not changed for lastLineWaitMs', async () => {
    const world = await openWorld({ lastLineWaitMs: 600_000 })
    await world.write('a.log', 'one\ntwo')
    const { close } = await world.start()
    await world.expect(['one'])
    await world.clock.advance(100_000)
    await world.passed()
    expect(world.texts()).toEqual(['one'])
    await world.clock.advance(600_000)
    await world.expect(['one', 'two'])
    await world.write('a.log', ' goes on\n')
    await world.expect(['one', 'two', ' goes on'])
    await close()
    await world.start()
    await world.passed()
    expect(world.texts()).toEqual(['one', 'two', ' goes on'])
  })

  test('a line that is too long comes alone, cut, with how much is missing, and memory for no more than it', async () => {
    const world = await openWorld({ maxLineBytes: 10 })
    const long = 'x'.repeat(700_000)
    await world.write('a.log', `one\n${long}\r\ntwo\n${long}`)
    const { given } = await world.start()
    await world.expect(['one', `xxxxxxxxxx +${700_000 - 10}`, 'two'])
    expect(Math.max(...given.map(({ bytes }) => bytes.length))).toBeLessThan(300_000)
    await world.write('a.log', `${long}\nthree\n`)
    await world.expect(['one', `xxxxxxxxxx +${700_000 - 10}`, 'two', `xxxxxxxxxx +${1_400_000 - 10}`, 'three'])
  })

  test('Vector test_fair_reads: a large file does not hold up a small one', async () => {
    const world = await openWorld({ maxLineBytes: 1_000 })
    await world.write('a.log', joined(numbered(1, 100_000)))
    await world.write('b.log', 'small\n')
    await world.start()
    await world.until(() => expect(world.texts()).toHaveLength(100_001))
    expect(world.texts().indexOf('small')).toBeLessThan(50_000)
    expect(world.texts().filter((text) => text !== 'small')).toEqual(numbered(1, 100_000))
  })

  test('bytes are given as they are', async () => {
    const world = await openWorld()
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x0d, 0x0a])
    await world.write('a.log', bytes)
    const { given } = await world.start()
    await world.until(() => expect(given).toHaveLength(1))
    expect(given[0]?.bytes).toEqual(bytes)
  })

  test('nothing is read ahead of whoever takes the lines', async () => {
    const world = await openWorld()
    const { tail, close } = await world.start()
    await close()
    await world.write('a.log', joined(numbered(1, 200_000)))
    expect(await tail.next()).toBeUndefined()
    expect(world.texts()).toEqual([])
  })
})

describe('without follow', () => {
  test('all that the files hold is read, the last line too, and then it is over', async () => {
    const world = await openWorld({ follow: false })
    await world.write('a.log', 'one\ntwo')
    await world.write('b.log', 'three\n')
    const { ended } = await world.start()
    await ended
    expect(world.texts().toSorted()).toEqual(['one', 'three', 'two'])
  })

  test('more files than may be open are all read', async () => {
    const world = await openWorld({ follow: false, maxOpenFiles: 1 })
    for (const name of ['a', 'b', 'c']) await world.write(`${name}.log`, `${name}`)
    const { ended } = await world.start()
    await ended
    expect(world.texts()).toEqual(['a', 'b', 'c'])
  })

  test('the next run reads what came since', async () => {
    const world = await openWorld({ follow: false })
    await world.write('a.log', 'one\n')
    const first = await world.start()
    await first.ended
    await first.close()
    await world.write('a.log', 'two\n')
    await (
      await world.start()
    ).ended
    expect(world.texts()).toEqual(['one', 'two'])
  })
})

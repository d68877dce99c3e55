import { copyFile, link, open, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { joined, numbered, openWorld, type World } from '../test/world.ts'

/** Both the name that is written to and those that rotation gives. */
const both = (world: World) => ({ globs: [world.logs('*.log*')] })

describe('FAULTS row 44, rotation by rename', () => {
  test('Vector file_rotate_create_correctness: both files are read on, and nothing twice', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    await world.start(both(world))
    await world.expect(numbered(1, 3))
    await rename(world.logs('a.log'), world.logs('a.log.1'))
    await world.write('a.log', '')
    await world.write('a.log.1', 'old\n')
    await world.write('a.log', 'new\n')
    await world.until(() => expect(world.texts().toSorted()).toEqual([...numbered(1, 3), 'new', 'old']))
    await world.passed()
    expect(world.texts()).toHaveLength(5)
  })

  test('what the old file got before the new one was found comes first, and both go by the same name', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 60_000)))
    const { tail } = await world.start({ ...both(world), takes: false })
    const first = await tail.next()
    await rename(world.logs('a.log'), world.logs('a.log.1'))
    await world.write('a.log', joined(numbered(60_001, 60_003)))
    await world.until(() => expect(tail.stats.openFiles).toBe(2))
    const given = [first]
    while (given.at(-1)?.to !== Buffer.byteLength(joined(numbered(60_001, 60_003)))) given.push(await tail.next())
    expect(given.map((lines) => lines?.bytes.toString()).join('')).toBe(joined(numbered(1, 60_003)))
    expect(new Set(given.map((lines) => lines?.file.path))).toEqual(new Set([world.logs('a.log')]))
  })

  test('Vector rotate_wait: a writer that still has the old file open loses nothing, though no glob matches it', async () => {
    const world = await openWorld({ lastLineWaitMs: 6_000_000, rotateWaitMs: 600_000 })
    const writer = await open(world.logs('a.log'), 'a')
    try {
      await writer.write('one\n')
      const { tail } = await world.start()
      await world.expect(['one'])
      await rename(world.logs('a.log'), world.logs('old'))
      await world.write('a.log', 'new\n')
      await world.expect(['one', 'new'])
      await world.clock.advance(400_000)
      await writer.write('late\nrest')
      await world.expect(['one', 'new', 'late'])
      await world.clock.advance(100_000)
      await world.passed()
      expect(world.texts()).toEqual(['one', 'new', 'late'])
      await world.clock.advance(600_000)
      await world.expect(['one', 'new', 'late', 'rest'])
      await world.until(() => expect(tail.stats.openFiles).toBeLessThanOrEqual(2))
    } finally {
      await writer.close()
    }
  })

  test('Vector remove_file, Filebeat close_removed: a file that is removed is read to its end, then let go', async () => {
    const world = await openWorld({ lastLineWaitMs: 6_000_000, rotateWaitMs: 600_000 })
    await world.write('a.log', 'one\n')
    const { tail } = await world.start()
    await world.expect(['one'])
    await world.write('a.log', 'two\nrest')
    await rm(world.logs('a.log'))
    await world.expect(['one', 'two'])
    // By then it is known to have gone.
    await world.passed()
    expect(tail.stats.openFiles).toBe(2)
    await world.clock.advance(600_000)
    await world.expect(['one', 'two', 'rest'])
    await world.until(() => expect(tail.stats.openFiles).toBe(1))
  })

  test('Vector file_start_position_server_restart_with_file_rotation: rotated between two runs', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start(both(world))
    await world.expect(numbered(1, 3))
    await first.close()
    await world.write('a.log', 'line 4\n')
    await rename(world.logs('a.log'), world.logs('a.log.1'))
    await world.write('a.log', 'line 5\n')
    await world.start(both(world))
    await world.expect(numbered(1, 5))
  })

  test('rotated between two runs to a name that no glob matches: it is found in its folder', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start()
    await world.expect(numbered(1, 3))
    await first.close()
    await world.write('a.log', 'line 4\n')
    await rename(world.logs('a.log'), world.logs('archive'))
    await world.write('a.log', 'line 5\n')
    await world.start()
    await world.expect(numbered(1, 5))
  })

  test('Filebeat symlink_rotated, Kubernetes: a link that leads to another file now', async () => {
    const world = await openWorld()
    await world.write('pods/0', joined(numbered(1, 2)))
    await symlink(world.logs('pods/0'), world.logs('a.log'))
    const first = await world.start()
    await world.expect(numbered(1, 2))
    await world.write('pods/0', 'line 3\n')
    await rename(world.logs('pods/0'), world.logs('pods/0.20260101'))
    await world.write('pods/0', 'line 4\n')
    await world.expect(numbered(1, 4))
    await first.close()
    await world.write('pods/0', 'line 5\n')
    await rename(world.logs('pods/0'), world.logs('pods/0.20260102'))
    await world.write('pods/0', 'line 6\n')
    await world.start()
    await world.expect(numbered(1, 6))
  })

  test('a file that takes the name of one that is being read is another file', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    await world.start()
    await world.expect(numbered(1, 3))
    await writeFile(world.logs('draft'), joined(numbered(4, 9)))
    await rename(world.logs('draft'), world.logs('a.log'))
    await world.expect(numbered(1, 9))
  })

  test('a second name of a file is no second file', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    await world.start()
    await world.expect(numbered(1, 3))
    await link(world.logs('a.log'), world.logs('b.log'))
    await world.passed()
    await rm(world.logs('a.log'))
    await world.write('b.log', 'line 4\n')
    await world.expect(numbered(1, 4))
  })
})

describe('FAULTS row 44, truncation', () => {
  test('Vector file_truncate_correctness: read from the beginning', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    await world.start()
    await world.expect(numbered(1, 3))
    await truncate(world.logs('a.log'))
    await world.write('a.log', 'new\n')
    await world.expect([...numbered(1, 3), 'new'])
    expect(new Set(world.lines.map(({ id }) => id)).size).toBe(4)
  })

  test.each([
    ['longer', numbered(101, 120)],
    ['of the same size', numbered(4, 6)],
  ])('Filebeat truncate: grown again, %s than it was, before it was looked at', async (_how, lines) => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    await world.start()
    await world.expect(numbered(1, 3))
    await world.rewrite('a.log', joined(lines))
    await world.expect([...numbered(1, 3), ...lines])
  })

  test('bytes that were seen but not read by then are warned about', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 60_000)))
    const { tail } = await world.start({ takes: false })
    const first = await tail.next()
    await truncate(world.logs('a.log'))
    await world.write('a.log', 'new\n')
    expect((await tail.next())?.bytes.toString()).toBe('new\n')
    const unreadBytes = Buffer.byteLength(joined(numbered(1, 60_000))) - (first?.to ?? 0)
    expect(world.warnings).toEqual([
      `${world.logs('a.log')} was truncated before ${unreadBytes} bytes were read: they are lost, unless a glob matches a copy`,
    ])
  })

  test('grown again behind the same first kilobytes', async () => {
    const banner = joined(numbered(1, 500, 'banner'))
    const world = await openWorld()
    await world.write('a.log', `${banner}${joined(numbered(1, 3))}`)
    await world.start()
    await world.until(() => expect(world.texts()).toHaveLength(503))
    await world.rewrite('a.log', `${banner}${joined(numbered(11, 19))}`)
    await world.until(() => expect(world.texts()).toHaveLength(503 + 509))
    expect(world.texts().slice(-9)).toEqual(numbered(11, 19))
  })

  test.each([
    ['shorter', 'new\n'],
    ['longer', joined(numbered(101, 120))],
  ])('Filebeat truncated_file_closed: between two runs, and %s now', async (_how, text) => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start()
    await world.expect(numbered(1, 3))
    await first.close()
    await world.rewrite('a.log', text)
    await world.start()
    await world.expect([...numbered(1, 3), ...text.trimEnd().split('\n')])
  })

  test('between two runs, with the same lines at the place where the first one ended', async () => {
    const same = joined(Array.from({ length: 500 }, () => 'the same'))
    const world = await openWorld()
    await world.write('a.log', `first\n${same}`)
    const first = await world.start()
    await world.until(() => expect(world.texts()).toHaveLength(501))
    await first.close()
    await world.rewrite('a.log', `other\n${same}more\n`)
    await world.start()
    await world.until(() => expect(world.texts()).toHaveLength(501 + 502))
  })

  test('Vector file_rotate_truncate_correctness, copytruncate: what the copy has more is read from it, and nothing twice', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 300)))
    await world.start(both(world))
    await world.expect(numbered(1, 300))
    // No turn of the reader between these.
    await world.write('a.log', joined(numbered(301, 302)))
    await copyFile(world.logs('a.log'), world.logs('a.log.1'))
    await truncate(world.logs('a.log'))
    await world.write('a.log', 'line 303\n')
    await world.until(() => expect(world.texts().toSorted(byNumber)).toEqual(numbered(1, 303)))
    await world.passed()
    await rename(world.logs('a.log.1'), world.logs('a.log.2'))
    await world.write('a.log', joined(numbered(304, 310)))
    await world.until(() => expect(world.texts()).toHaveLength(310))
    await copyFile(world.logs('a.log'), world.logs('a.log.1'))
    await truncate(world.logs('a.log'))
    await world.write('a.log', 'line 311\n')
    await world.until(() => expect(world.texts().toSorted(byNumber)).toEqual(numbered(1, 311)))
    await world.passed()
    expect(world.texts()).toHaveLength(311)
  })

  test('copytruncate between two runs', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 300)))
    const first = await world.start(both(world))
    await world.expect(numbered(1, 300))
    await first.close()
    await world.write('a.log', joined(numbered(301, 302)))
    await copyFile(world.logs('a.log'), world.logs('a.log.1'))
    await world.rewrite('a.log', joined(numbered(303, 2_000)))
    await world.start(both(world))
    await world.until(() => expect(world.texts().toSorted(byNumber)).toEqual(numbered(1, 2_000)))
  })

  test('a copy of a file that is not truncated is a file of its own', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 300)))
    await world.start(both(world))
    await world.expect(numbered(1, 300))
    await copyFile(world.logs('a.log'), world.logs('b.log'))
    await world.until(() => expect(world.texts()).toHaveLength(600))
    await world.write('a.log', 'to a\n')
    await world.write('b.log', 'to b\n')
    await world.until(() => expect(world.texts().slice(-2).toSorted()).toEqual(['to a', 'to b']))
  })

  test('two files that begin with the same kilobytes are two files', async () => {
    const banner = joined(numbered(1, 500, 'banner'))
    const world = await openWorld()
    await world.write('a.log', `${banner}a\n`)
    await world.start()
    await world.until(() => expect(world.texts()).toHaveLength(501))
    await world.write('b.log', `${banner}b\n`)
    await world.until(() => expect(world.texts()).toHaveLength(1_002))
    expect(world.texts()).toContain('b')
  })
})

const byNumber = (one: string, other: string) => Number(one.split(' ')[1]) - Number(other.split(' ')[1])

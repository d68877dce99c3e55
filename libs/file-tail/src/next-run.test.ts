import { readFileSync } from 'node:fs'
import { copyFile, link, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { outcomeOf } from '@armature/async/testing-outcome'
import { describe, expect, test } from 'vitest'
import { joined, numbered, openWorld } from '../test/world.ts'

describe('the next run', () => {
  test('Vector file_start_position_server_restart: reads on where what is held ended', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start()
    await world.expect(numbered(1, 3))
    await first.close()
    await world.write('a.log', joined(numbered(4, 5)))
    await world.start()
    await world.expect(numbered(1, 5))
    expect(new Set(world.lines.map(({ id }) => id.split(':')[0])).size).toBe(1)
  })

  test('gives what was not held again, with the same ids', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start({ commits: false })
    await world.expect(numbered(1, 3))
    await first.close()
    await world.start()
    await world.expect([...numbered(1, 3), ...numbered(1, 3)])
    expect(new Set(world.lines.map(({ id }) => id)).size).toBe(3)
  })

  test('knows the id of a line that was given, also where the file was empty when it was found', async () => {
    const world = await openWorld()
    await world.write('a.log', '')
    const { tail } = await world.start({ takes: false })
    await world.write('a.log', 'one\n')
    const next = tail.next()
    const outcome = outcomeOf(next)
    // It is looked at, but no scan is due.
    await world.clock.advance(100)
    await expect.poll(() => outcome.state).toBe('resolved')
    expect(readFileSync(`${world.folder}/files.json`, 'utf8')).toContain((await next)?.file.id)
  })

  test('begins at the position that was committed, also within what was given', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 400)))
    const first = await world.start({ commits: false })
    await world.expect(numbered(1, 400))
    const end = Buffer.byteLength(joined(numbered(1, 300)))
    first.given[0]?.commit(end)
    first.given[0]?.commit(5)
    await first.close()
    await world.start()
    await world.expect([...numbered(1, 400), ...numbered(301, 400)])
  })

  test('takes damaged checkpoints for none, and says so', async () => {
    const world = await openWorld()
    await world.write('a.log', 'one\n')
    const first = await world.start()
    await world.expect(['one'])
    await first.close()
    await truncate(`${world.folder}/files.json`, 20)
    await world.start()
    await world.expect(['one', 'one'])
    expect(world.warnings[0]).toContain('damaged')
  })

  test('knows a file on another device, by what it holds', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 200)))
    const first = await world.start()
    await world.expect(numbered(1, 200))
    await first.close()
    await copyFile(world.logs('a.log'), world.logs('moved'))
    await rm(world.logs('a.log'))
    await rename(world.logs('moved'), world.logs('a.log'))
    await world.write('a.log', 'line 201\n')
    // Devices get other numbers when the machine starts again.
    const checkpoints = await readFile(`${world.folder}/files.json`, 'utf8')
    await writeFile(`${world.folder}/files.json`, checkpoints.replace(/"key":"\d+:/, '"key":"7:'))
    await world.start()
    await world.expect(numbered(1, 201))
  })

  test('reads a file anew that was removed and made again with the same lines', async () => {
    const world = await openWorld()
    const text = joined(numbered(1, 200))
    await world.write('a.log', text)
    const first = await world.start()
    await world.expect(numbered(1, 200))
    await rm(world.logs('a.log'))
    await world.write('a.log', text)
    await world.expect([...numbered(1, 200), ...numbered(1, 200)])
    await first.close()
    await rm(world.logs('a.log'))
    await world.write('a.log', text)
    await world.start()
    await world.expect([...numbered(1, 200), ...numbered(1, 200), ...numbered(1, 200)])
    expect(new Set(world.lines.map(({ id }) => id)).size).toBe(600)
  })

  test('reads a file anew that was removed and made again with the same lines and another inode', async () => {
    const world = await openWorld()
    const text = joined(numbered(1, 200))
    await world.write('a.log', text)
    const first = await world.start()
    await world.expect(numbered(1, 200))
    await first.close()
    await link(world.logs('a.log'), `${world.folder}/keeps the inode`)
    await rm(world.logs('a.log'))
    await world.write('a.log', text)
    await world.start()
    await world.expect([...numbered(1, 200), ...numbered(1, 200)])
  })

  test('begins where checkpoints could be written last; while they cannot, lines come all the same', async () => {
    const world = await openWorld()
    await world.write('a.log', joined(numbered(1, 3)))
    const first = await world.start()
    await world.expect(numbered(1, 3))
    await world.until(() => expect(readFileSync(`${world.folder}/files.json`, 'utf8')).toContain('"position":21'))
    // A folder in the place of the file: it cannot be replaced.
    await rename(`${world.folder}/files.json`, `${world.folder}/kept.json`)
    await mkdir(`${world.folder}/files.json`)
    await world.write('a.log', 'line 4\n')
    await world.expect(numbered(1, 4))
    await world.until(() => expect(world.warnings).toHaveLength(1))
    await world.clock.advance(2_000)
    expect(world.warnings).toEqual([expect.stringContaining('checkpoints of files cannot be written')])
    await first.close()
    await rm(`${world.folder}/files.json`, { recursive: true })
    await rename(`${world.folder}/kept.json`, `${world.folder}/files.json`)
    await world.start()
    await world.expect([...numbered(1, 4), 'line 4'])
  })
})

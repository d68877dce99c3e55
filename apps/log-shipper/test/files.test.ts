import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drivenClock } from '@armature/async/clock'
import { bodyText } from '@armature/messaging/message'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openFileInput } from '../src/file-input.ts'
import { simulatedDisk } from './simulated-disk.ts'
import { drain, guarded, numbered, openWorld, unavailable, type WorldOptions } from './world.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-files-'))
})
afterEach(() => rm(folder, { recursive: true }))

const maxLineBytes = 1_000

/** A shipper of the files of the folder. */
const openFiles = async (options: WorldOptions & { readonly follow?: boolean } = {}) => {
  const clock = options.clock ?? drivenClock(Date.UTC(2026, 0, 1))
  const warnings: string[] = []
  const world = await openWorld({
    ...options,
    clock,
    config: { maxLineBytes, ...options.config },
    openInput: () =>
      openFileInput({
        globs: [join(folder, '*.log')],
        checkpointPath: join(folder, 'files.json'),
        format: 'auto',
        key: options.config?.key,
        follow: options.follow ?? true,
        durable: false,
        maxLineBytes,
        clock,
        warn: (problem) => void warnings.push(problem),
      }),
  })
  await world.shipper.start()
  /** Drives the clock until the condition holds. */
  const until = (condition: () => void) =>
    expect
      .poll(
        async () => {
          await clock.advance(100)
          condition()
          return true
        },
        { timeout: 20_000, interval: 1 },
      )
      .toBe(true)
  return { ...world, warnings, until }
}

const write = (name: string, lines: readonly string[]) =>
  appendFile(join(folder, name), lines.map((line) => `${line}\n`).join(''))

describe('lines of files', () => {
  test('are messages with the id, the key and the headers of their file, in order', async () => {
    await write('a.log', ['{"a":1}', 'two'])
    await write('b.log', ['2026-01-02T03:04:05.123456789Z stderr F three'])
    const { messages, until, row } = await openFiles()
    await until(() => expect(messages).toHaveLength(3))
    await write('a.log', ['four'])
    await until(() => expect(messages).toHaveLength(4))
    const [a, b] = ['a.log', 'b.log'].map((name) => messages.filter(({ key }) => key === join(folder, name)))
    expect(a?.map(bodyText)).toEqual(['{"a":1}', 'two', 'four'])
    expect(a?.map(({ headers }) => headers)).toMatchObject([
      { source: 'here', 'content-type': 'application/json', file: join(folder, 'a.log') },
      { 'content-type': 'text/plain; charset=utf-8' },
      { 'content-type': 'text/plain; charset=utf-8' },
    ])
    expect(a?.map(({ id }) => id.split('-')[1])).toEqual(['0', '8', '12'])
    expect(new Set(a?.map(({ id }) => id.split('-')[0])).size).toBe(1)
    expect(b).toMatchObject([
      { time: new Date('2026-01-02T03:04:05.123Z'), headers: { stream: 'stderr', file: join(folder, 'b.log') } },
    ])
    expect(row()).toMatchObject({ received: 4, acked: 4, inFlight: 0 })
  })

  test('have the key that is set', async () => {
    await write('a.log', ['one'])
    const { messages, until } = await openFiles({ config: { key: 'mine' } })
    await until(() => expect(messages).toMatchObject([{ key: 'mine' }]))
  })

  test('that are too long are dead-lettered with what is known of their file', async () => {
    await write('a.log', ['x'.repeat(5_000), 'two'])
    const { letters, messages, until } = await openFiles()
    await until(() => expect([letters, messages].map(({ length }) => length)).toEqual([1, 1]))
    expect(letters).toMatchObject([
      {
        key: join(folder, 'a.log'),
        headers: { 'cut-bytes': '4000', 'dlt-reason': 'too-long', file: join(folder, 'a.log') },
      },
    ])
  })

  test('that no more come of end the shipper without follow', async () => {
    await write('a.log', numbered(1, 5_000))
    await appendFile(join(folder, 'a.log'), 'the last')
    const { shipper, texts } = await openFiles({ follow: false })
    expect(await shipper.ended).toBe(0)
    await expect.poll(texts).toEqual([...numbered(1, 5_000), 'the last'])
  })

  test('are not read while the spool is full; a stop leaves them to the next run, each once', async () => {
    await write('a.log', numbered(1, 60_000))
    const disk = simulatedDisk()
    const through = guarded((topic) => {
      throw unavailable(topic)
    })
    const config = { spoolMaxBytes: 300_000 }
    const first = await openFiles({ disk, through, config })
    await first.until(() => expect(first.shipper.notReady?.().map(({ check }) => check)).toContain('spool'))
    await first.shipper.stopIntake?.()
    expect(first.row().received).toBeLessThan(60_000)
    expect(first.imbalance()).toBe(0)
    await first.shipper.close()

    const next = await openFiles({ disk })
    await next.until(() => expect(next.texts()).toHaveLength(60_000))
    expect(next.texts().toSorted()).toEqual(numbered(1, 60_000).toSorted())
    await drain(next.shipper)
  }, 30_000)

  test('that the disk of the spool did not take are read by the next run', async () => {
    const disk = simulatedDisk()
    await write('a.log', numbered(1, 3))
    const first = await openFiles({ disk })
    await first.until(() => expect(first.texts()).toEqual(numbered(1, 3)))
    disk.fail('sync', 'EIO')
    await write('a.log', numbered(4, 6))
    await first.until(() => expect(first.row().received).toBe(6))
    await expect(first.shipper.ended).rejects.toMatchObject({ exitCode: 74 })
    await first.shipper.stopIntake?.().catch(() => undefined)
    // Nothing of the input is waited for that does not come.
    await first.shipper.flush?.()
    await first.shipper.close()
    const next = await openFiles()
    await next.until(() => expect(next.texts()).toEqual(numbered(4, 6)))
  })

  test('are read again with their ids where the process ended before they were noted as held', async () => {
    await write('a.log', numbered(1, 3))
    const disk = simulatedDisk()
    const first = await openFiles({ disk })
    await first.until(() => expect(first.texts()).toEqual(numbered(1, 3)))
    // Ended as by SIGKILL before the checkpoint: the position is still that of the file's beginning.
    const next = await openFiles({ disk: disk.afterCrash(), broker: first.broker })
    await next.until(() => expect(next.texts().length).toBeGreaterThanOrEqual(3))
    await write('a.log', ['line 4'])
    await next.until(() => expect(next.texts()).toContain('line 4'))
    expect(new Set(next.messages.map(({ id }) => id)).size).toBe(4)
  })
})

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drivenClock } from '@armature/async/clock'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startChild } from '../src/child.ts'

test('a child that something outlives: while its output is not read, as with a full spool, nothing of it is given up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shipper-child-'))
  const pidFile = join(folder, 'pid')
  const bytes = 60_000
  const script = `head -c ${bytes} /dev/zero; sleep 60 2>/dev/null & echo $! >${pidFile}; exit 3`
  const clock = drivenClock()
  const warn = vi.fn()
  const input = await startChild({ command: 'sh', args: ['-c', script], clock, graceMs: 1_000, warn })
  onTestFinished(async () => {
    await input.close()
    process.kill(Number(readFileSync(pidFile, 'utf8')))
    rmSync(folder, { recursive: true })
  })
  const { stream } = input
  stream.on('readable', () => undefined)
  await vi.waitFor(() => expect(stream.readableLength).toBe(bytes), { timeout: 20_000 })
  // The child has exited when its output is looked at.
  await vi.waitFor(() => expect(clock.pending).toBe(1), { timeout: 20_000 })
  await clock.advance(60_000)
  expect(stream.destroyed).toBe(false)
  expect((stream.read() as Buffer).length).toBe(bytes)
  await clock.advance(1_000)
  expect(await input.ended).toBe(3)
  expect(warn).toHaveBeenCalledOnce()
})

test.each([
  ['/dev/null/program', [], 127, 'there is no such command'],
  ['true', ['x'.repeat(200_000)], 126, 'its arguments and environment are too long'],
])('bug: a command that cannot be run ended with 70: %s', async (command, args, exitCode, reason) => {
  const starting = startChild({ command, args, clock: drivenClock(), graceMs: 1_000, warn: () => undefined })
  await expect(starting).rejects.toMatchObject({ exitCode, message: `cannot run ${command}: ${reason}` })
})

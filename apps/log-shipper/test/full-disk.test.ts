import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { execute } from '@armature/servers/execute'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, expect, test, vi } from 'vitest'
import { settings } from '../src/config.ts'
import { streamInput } from '../src/input.ts'
import { logShipper } from '../src/service.ts'
import { durableFolder } from '../src/spool-folder.ts'
import { guarded, unavailable } from './world.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const run = (command: string, ...args: string[]) => execute(command, args, { deadlineMs: 10_000, env: process.env })

/** A disk of 16 MiB. */
const smallDisk = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'))
  ends.push(() => rm(folder, { recursive: true }))
  await run('mount', '-t', 'tmpfs', '-o', 'size=16m', 'small-disk', folder)
  ends.push(() => run('umount', '-l', folder))
  return folder
}

const isRoot = process.getuid?.() === 0
if (!isRoot) console.warn('SKIPPED: the test with a disk that is full mounts one, which root alone may do')

test.runIf(isRoot && process.platform === 'linux')(
  'FAULTS row 12: on a full disk no input is read and readiness says so; once there is room again every line passes',
  { timeout: 120_000 },
  async () => {
    const folder = await smallDisk()
    const broker = memoryBroker()
    const telemetry = testTelemetry('log-shipper')
    const input = new PassThrough()
    let isAway = true
    const shipper = logShipper(settings.parse({ topic: 'logs.test', source: 'here', maxRetryDelayMs: 100 }), {
      telemetry,
      clock: systemClock(),
      openMessaging: async () =>
        guarded((topic) => {
          if (isAway) throw unavailable(topic)
        })(broker.connect()),
      openSpoolFolder: () => durableFolder(join(folder, 'spool')),
      openInput: async () => streamInput(input),
    })
    ends.push(() => shipper.close())
    await shipper.start()
    const arrived: string[] = []
    await broker
      .connect()
      .subscribe('logs.test', async ({ body }) => void arrived.push(Buffer.from(body).toString().slice(0, 8)), {
        from: 'earliest',
      })

    const lines = Array.from({ length: 20_000 }, (_, number) => String(number).padEnd(8).padEnd(1_000, 'x'))
    const written = (async () => {
      for (const line of lines) {
        if (!input.write(`${line}\n`)) await new Promise((resolve) => input.once('drain', resolve))
      }
      input.end()
    })()
    const full = [{ check: 'spool', reason: 'the disk is full: no input is read' }]
    await vi.waitFor(() => expect(shipper.notReady?.()).toEqual(expect.arrayContaining(full)), { timeout: 60_000 })
    expect((await statfs(folder)).bavail).toBeLessThan(1_000)
    const { received } = shipper.ledger()[0]!
    expect(received).toBeLessThan(lines.length)

    isAway = false
    await written
    expect(await shipper.ended).toBe(0)
    await vi.waitFor(() => expect(arrived).toHaveLength(lines.length), { timeout: 30_000 })
    expect(arrived.map(Number)).toEqual(lines.map((_, number) => number))
    expect(imbalance(shipper.ledger()[0]!)).toBe(0)
    expect(shipper.ledger()[0]).toMatchObject({ received: lines.length, acked: lines.length, dropped: {} })
  },
)

import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, type Message } from '@armature/messaging/message'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test } from 'vitest'
import { replay, type ReplayOptions, replaySpool } from '../src/spool-replay.ts'
import { type SimulatedDisk, simulatedDisk } from './simulated-disk.ts'
import { lines, opened, readEach } from './spool-world.ts'
import { guarded, numbered, unavailable } from './world.ts'

const openReplay = async (disk: SimulatedDisk, options: Partial<ReplayOptions> & { readonly all?: boolean } = {}) => {
  const clock = drivenClock()
  const broker = memoryBroker({ clock })
  const messages: Message[] = []
  await broker.connect().subscribe('logs.test', async (message) => void messages.push(message), { from: 'earliest' })
  const told: string[] = []
  const { all = false, ...others } = options
  const run = () =>
    replaySpool({
      config: replay.settings.parse({ topic: 'logs.test', all, batchCount: 2 }) as ReplayOptions['config'],
      disk,
      driver: broker.connect(),
      clock,
      telemetry: testTelemetry('log-shipper'),
      stderr: { write: (text: string) => told.push(text) > 0 },
      signal: new AbortController().signal,
      ...others,
    })
  return { clock, broker, messages, told, run, texts: () => messages.map(bodyText) }
}

test('publishes what is not acknowledged, with its ids, and acknowledges it', async () => {
  const disk = simulatedDisk()
  const first = await opened(disk)
  await first.spool.append(lines(...numbered(1, 5)))
  await first.spool.acked(await first.spool.read({ count: 2, bytes: 1_000 }))
  const left = disk.afterCrash()
  const ids = (await readEach((await opened(left.afterCrash())).spool)).map(({ id }) => id)
  const world = await openReplay(simulatedDisk(new Map(left.files)))
  expect(await world.run()).toBe(0)
  await expect.poll(world.texts).toEqual(numbered(3, 5))
  expect(world.messages.map(({ id }) => id)).toEqual(ids)
  expect(world.told.at(-1)).toBe('3 lines were published to logs.test, 0 dead-lettered, 0 were damaged\n')
  // Nothing is left.
  expect(await world.run()).toBe(0)
  expect(world.told.at(-1)).toMatch(/^0 lines/)
})

test('with --all it publishes the acknowledged lines that are still there, too, with the ids that they had', async () => {
  const disk = simulatedDisk()
  const { spool } = await opened(disk)
  await spool.append(lines(...numbered(1, 5)))
  const batch = await spool.read({ count: 2, bytes: 1_000 })
  await spool.acked(batch)
  const world = await openReplay(disk.afterCrash(), { all: true })
  expect(await world.run()).toBe(0)
  await expect.poll(world.texts).toEqual(numbered(1, 5))
  expect(world.messages[0]!.id).toBe(`${batch.idPrefix}1`)
})

test('publishes the rest of a damaged spool, says how much is lost, and ends with 65', async () => {
  const disk = simulatedDisk()
  const { spool } = await opened(disk)
  await spool.append(lines(...numbered(1, 5)))
  const found = disk.afterCrash()
  const [name] = [...found.files.keys()].filter((each) => each.endsWith('.segment'))
  found.files.get(name!)!.bytes[40]! ^= 1
  const world = await openReplay(found)
  expect(await world.run()).toBe(65)
  await expect.poll(world.texts).toEqual(['line 1', ...numbered(3, 5)])
  expect(world.told.at(-1)).toContain('1 were damaged')
})

test('stopped while the broker is away it tells how far it came, keeps the rest, and ends with 75', async () => {
  const disk = simulatedDisk()
  const { spool } = await opened(disk)
  await spool.append(lines(...numbered(1, 5)))
  const stopping = new AbortController()
  const found = disk.afterCrash()
  const world = await openReplay(found, { signal: stopping.signal })
  let published = 0
  const driver = guarded((topic) => {
    if (published++ > 0) throw unavailable(topic)
  })(world.broker.connect())
  const other = await openReplay(found, { signal: stopping.signal, driver, clock: world.clock })
  const running = other.run()
  await expect.poll(() => published).toBeGreaterThan(1)
  await world.clock.advance(1_000)
  await expect.poll(() => other.told).toContain('2 of 5 lines are published\n')
  stopping.abort(new Error('stopped'))
  expect(await running).toBe(75)
  expect(other.told.at(-1)).toBe('3 lines are left in the spool: call it again to publish them\n')
  expect(await world.run()).toBe(75)
  const last = await openReplay(found)
  expect(await last.run()).toBe(0)
  await expect.poll(last.texts).toEqual(numbered(3, 5))
})

import { commonMetrics } from '@armature/telemetry/common-metrics'
import { describe, expect, test } from 'vitest'
import { simulatedDisk } from './simulated-disk.ts'
import { drain, guarded, numbered, openWorld, unavailable } from './world.ts'

/** The broker is away until `isThere` is set. */
const brokerAway = () => {
  const state = { isThere: false }
  const through = guarded((topic) => {
    if (!state.isThere) throw unavailable(topic)
  })
  return { state, through }
}

const small = { maxLineBytes: 100, spoolMaxBytes: 2_000 } as const

describe('--when-full drop-newest', () => {
  test('drops what a full spool has no room for, and books each line', async () => {
    const { state, through } = brokerAway()
    const world = await openWorld({ through, config: { ...small, whenFull: 'drop-newest' } })
    await world.shipper.start()
    world.input.write(
      numbered(1, 100)
        .map((line) => `${line}\n`)
        .join(''),
    )
    await expect.poll(() => world.row().received).toBe(100)
    world.input.write('late\n'.repeat(50))
    await expect.poll(() => world.row().received).toBe(150)
    const kept = world.row().inFlight
    expect(kept).toBeLessThan(60)
    expect(world.row().dropped).toEqual({ 'spool-full': 150 - kept })
    expect(world.imbalance()).toBe(0)
    const labels = { component: 'log-shipper', intentional: true, reason: 'spool-full' }
    expect(world.metrics.value(commonMetrics.component_discarded_events_total, labels)).toBe(150 - kept)
    expect(world.shipper.notReady!()).toContainEqual({
      check: 'spool',
      reason: 'spoolMaxBytes is reached: lines are dropped',
    })
    state.isThere = true
    await world.clock.advance(60_000)
    await expect.poll(world.texts).toEqual(numbered(1, kept))
    world.input.end('taken again\n')
    await world.shipper.ended
    await expect.poll(() => world.texts().at(-1)).toBe('taken again')
    expect(world.row()).toMatchObject({ acked: kept + 1, inFlight: 0 })
  })

  test('drops on a full disk, too, and goes on when it has room', async () => {
    const disk = simulatedDisk()
    const world = await openWorld({ disk, config: { whenFull: 'drop-newest' } })
    await world.shipper.start()
    disk.fail('write', 'ENOSPC')
    world.input.write('one\ntwo\n')
    await expect.poll(() => world.row().dropped).toEqual({ 'spool-full': 2 })
    world.input.end('three\n')
    await world.shipper.ended
    await expect.poll(world.texts).toEqual(['three'])
    expect(world.imbalance()).toBe(0)
  })
})

test('by default nothing is dropped: no input is read', async () => {
  const { state, through } = brokerAway()
  const world = await openWorld({ through, config: small })
  await world.shipper.start()
  const lines = numbered(1, 100)
  world.input.end(lines.map((line) => `${line}\n`).join(''))
  await expect
    .poll(() => world.shipper.notReady!())
    .toContainEqual({
      check: 'spool',
      reason: 'spoolMaxBytes is reached: no input is read',
    })
  state.isThere = true
  await world.clock.advance(60_000)
  await world.shipper.ended
  await expect.poll(world.texts).toEqual(lines)
  expect(world.row().dropped).toEqual({})
})

describe('--no-spool', () => {
  test('touches no disk and reads on only when what it has read is acknowledged', async () => {
    const { state, through } = brokerAway()
    const disk = simulatedDisk()
    const world = await openWorld({ disk, through, config: { spool: false } })
    await world.shipper.start()
    world.input.write('one\n')
    await expect.poll(() => world.row().inFlight).toBe(1)
    world.input.write('two\n')
    await world.clock.advance(1_000)
    expect(world.row()).toMatchObject({ received: 1, acked: 0 })
    state.isThere = true
    await world.clock.advance(60_000)
    world.input.end()
    await world.shipper.ended
    await expect.poll(world.texts).toEqual(['one', 'two'])
    expect(disk.files.size).toBe(0)
  })

  test('a stop while the broker is away: what was read is told as not published', async () => {
    const { through } = brokerAway()
    const world = await openWorld({ through, config: { spool: false } })
    await world.shipper.start()
    world.input.write('one\n')
    await expect.poll(() => world.row().inFlight).toBe(1)
    const draining = drain(world.shipper)
    draining.catch(() => undefined)
    await world.shipper.close()
    await expect(draining).rejects.toThrow()
    expect(world.row()).toMatchObject({ received: 1, acked: 0, inFlight: 1 })
  })
})

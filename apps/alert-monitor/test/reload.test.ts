import { writeFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { ruleMetrics } from '../src/rule-metrics.ts'
import { hot, openWorld, rulesFile, type World } from './world.ts'

/** Notices of alerts that differ come in any order. */
const heard = (world: World) =>
  world
    .notices()
    .map(({ name, status }) => `${name} ${status}`)
    .sort()

const steadily = async (world: World, expected: () => void) =>
  vi.waitFor(
    async () => {
      await world.clock.advance(1_000)
      expected()
    },
    { timeout: 10_000 },
  )

test('a faulty change is refused and counted, and the alerts go on; a good one resolves what is gone', async () => {
  const file = await rulesFile([hot, { ...hot, name: 'warm', value: 50 }])
  const world = await openWorld({ rules: 'built in', config: { rulesFile: file, rulesPollMs: 1_000 } })
  await world.monitor.start()
  await world.publish('cpu:95|g')
  await world.clock.advance(1_000)
  expect(heard(world)).toEqual(['hot firing', 'warm firing'])

  await writeFile(file, '{"rules": [{"type": "rate"}]}')
  await steadily(world, () =>
    expect(world.metrics.value(ruleMetrics.rules_reloads_total, { outcome: 'refused' })).toBe(1),
  )
  expect(world.metrics.value(ruleMetrics.rules_last_reload_good)).toBe(0)
  expect(world.monitor.firing()).toHaveLength(2)

  await writeFile(file, JSON.stringify({ rules: [hot] }))
  await steadily(world, () =>
    expect(world.metrics.value(ruleMetrics.rules_reloads_total, { outcome: 'applied' })).toBe(1),
  )
  await world.clock.advance(2_000)
  expect(heard(world)).toEqual(['hot firing', 'warm firing', 'warm resolved'])
  expect(world.metrics.value(ruleMetrics.rules_last_reload_good)).toBe(1)
  expect(world.metrics.value(ruleMetrics.rules_loaded)).toBe(1)
})

import { describe, expect, test } from 'vitest'
import type { Sabotage } from './simulated-run.ts'
import { simulate } from './simulation.ts'

/** Seeds that once failed, kept. */
const kept: number[] = []
const seeds = [...kept, ...Array.from({ length: 100 }, (_, index) => index + 1)]

describe('simulation', () => {
  test('no seed breaks an invariant', { timeout: 120_000 }, async () => {
    const failing: Record<string, readonly string[]> = {}
    const totals: Record<string, number> = {}
    for (const seed of seeds) {
      const { violations, counts } = await simulate(seed)
      if (violations.length > 0) failing[`seed ${seed}`] = violations
      for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count
    }
    expect(failing).toEqual({})
    // The faults did happen.
    for (const name of ['rejected', 'returned', 'fenced', 'trimmed', 'kills', 'stalls', 'publishesFailed', 'repeats']) {
      expect(totals[name], name).toBeGreaterThan(0)
    }
  })

  test('a seed decides everything', async () => {
    const [one, again, other] = [await simulate(7), await simulate(7), await simulate(8)]
    expect(again).toEqual(one)
    expect(other.trace).not.toBe(one.trace)
  })

  const sabotages: [Sabotage, RegExp][] = [
    ['ack-before-work', /^I1: /],
    ['forget-one', /^I1: /],
    ['no-serial', /^I4: /],
  ]
  test.each(sabotages)('finds %s', { timeout: 30_000 }, async (sabotage, found) => {
    const violations: string[] = []
    for (let seed = 1; seed <= 10; seed++) violations.push(...(await simulate(seed, sabotage)).violations)
    expect(violations).toContainEqual(expect.stringMatching(found))
  })
})

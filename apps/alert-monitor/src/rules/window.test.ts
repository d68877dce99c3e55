import { describe, expect, test } from 'vitest'
import { randomSource } from '../../test/seeded.ts'
import { createWindow, maxMembers, type Window } from './window.ts'

const windowMs = 30_000
const filled = (values: readonly number[], stepMs = 10): Window => {
  const window = createWindow({ windowMs, quantiles: true })
  values.forEach((value, index) => window.add(index * stepMs, value, 1))
  return window
}

describe('statistics', () => {
  test('of the values in the window', () => {
    const window = filled([4, 1, 3, 2])
    expect(window.stat('count', 40)).toBe(4)
    expect(window.stat('mean', 40)).toBe(2.5)
    expect(window.stat('max', 40)).toBe(4)
    expect(window.stat('last', 40)).toBe(2)
    expect(window.sum(40)).toEqual({ sum: 10, coveredMs: 29_040 })
    expect(window.range(40)).toEqual({ min: 1, max: 4 })
  })

  test('a sampled value counts by its weight', () => {
    const window = createWindow({ windowMs, quantiles: true })
    window.add(0, 10, 1)
    window.add(1, 2, 9)
    expect(window.stat('count', 1)).toBe(10)
    expect(window.stat('mean', 1)).toBeCloseTo(2.8)
    expect(window.stat('p50', 1)).toBeCloseTo(2, 1)
  })

  test.each([
    ['uniform', (random: () => number) => random() * 1000],
    ['long tail', (random: () => number) => Math.exp(random() * 10)],
    ['negative', (random: () => number) => random() * 200 - 150],
  ])('quantiles of %s values lie within 1 %% of the exact ones', (_, draw) => {
    const random = randomSource(11)
    const values = Array.from({ length: 5000 }, () => draw(random))
    const window = filled(values, 1)
    const sorted = values.toSorted((a, b) => a - b)
    for (const [name, q] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const exact = sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN
      const found = window.stat(name, 5000) ?? Number.NaN
      expect(Math.abs(found - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.0101)
    }
  })

  test('zero and one value alone are exact', () => {
    expect(filled([0]).stat('p99', 0)).toBe(0)
    expect(filled([7.3]).stat('p50', 0)).toBe(7.3)
  })
})

describe('the window moves on', () => {
  test('values leave after windowMs and not a slot earlier', () => {
    const window = createWindow({ windowMs, quantiles: false })
    window.add(0, 5, 1)
    expect(window.stat('count', 28_999)).toBe(1)
    expect(window.stat('count', 30_000)).toBeUndefined()
    expect(window.stat('p99', 30_000)).toBeUndefined()
    expect(window.range(30_000)).toBeUndefined()
    expect(window.sum(30_000).sum).toBe(0)
  })

  test('a late value counts where it belongs, one out of the window not at all', () => {
    const window = createWindow({ windowMs, quantiles: false })
    window.add(40_000, 1, 1)
    window.add(20_000, 9, 1)
    window.add(5_000, 100, 1)
    expect(window.stat('max', 40_000)).toBe(9)
    expect(window.stat('last', 40_000)).toBe(1)
    expect(window.stat('count', 51_000)).toBe(1)
  })

  test('a long silence forgets all, also when the slots come round again', () => {
    const window = filled([1, 2, 3])
    expect(window.stat('count', 1_000_000)).toBeUndefined()
    window.add(900_000, 7, 1)
    expect(window.stat('count', 900_000)).toBe(1)
  })
})

describe('slope', () => {
  test('is the change a second, up and down', () => {
    const up = createWindow({ windowMs, quantiles: false })
    up.add(0, 10, 1)
    up.add(2_000, 30, 1)
    expect(up.slope(2_000)).toBe(10)
    up.add(4_000, 2, 1)
    expect(up.slope(4_000)).toBe(-2)
  })

  test('is unknown of one moment', () => {
    expect(filled([5]).slope(0)).toBeUndefined()
    expect(createWindow({ windowMs, quantiles: false }).slope(0)).toBeUndefined()
  })
})

describe('sets', () => {
  test('count each member once while it is in the window', () => {
    const window = createWindow({ windowMs, quantiles: false })
    for (const [atMs, member] of [
      [0, 'a'],
      [1_000, 'b'],
      [20_000, 'a'],
    ] as const)
      window.add(atMs, 1, 1, member)
    expect(window.stat('count', 20_000)).toBe(2)
    expect(window.stat('max', 20_000)).toBeUndefined()
    expect(window.stat('count', 31_000)).toBe(1)
    expect(window.stat('count', 50_000)).toBeUndefined()
  })

  test('stop growing at the limit', () => {
    const window = createWindow({ windowMs, quantiles: false })
    for (let member = 0; member < maxMembers + 500; member += 1) window.add(0, 1, 1, String(member))
    expect(window.stat('count', 0)).toBe(maxMembers)
  })
})

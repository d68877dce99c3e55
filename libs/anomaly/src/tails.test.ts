import { expect, test } from 'vitest'
import { normalSource } from '../test/noise.ts'
import { createTails } from './tails.ts'

const learnt = (count: number, memoryValues = 1e9) => {
  const tails = createTails(1, memoryValues)
  const normal = normalSource(1)
  for (let value = 0; value < count; value += 1) tails.learn(0, Math.abs(normal()), 1)
  return tails
}

test.each([
  [0.6745, 0.5],
  [1.96, 0.05],
  [2.576, 0.01],
])('of normal values a distance of %d has the probability %d', (magnitude, probability) => {
  expect(learnt(20_000).probability(0, magnitude) / probability).toBeGreaterThan(0.85)
  expect(learnt(20_000).probability(0, magnitude) / probability).toBeLessThan(1.15)
})

test('a magnitude has the probability that it was asked for', () => {
  const tails = learnt(20_000)
  for (const probability of [0.5, 0.05, 0.01, 0.001, 1e-5, 1e-7]) {
    const back = tails.probability(0, tails.magnitude(0, probability))
    expect(back / probability).toBeCloseTo(1, 3)
  }
})

test('beyond the greatest value the probability falls on, and stays above 0', () => {
  const tails = learnt(1_000)
  const rare = [4, 8, 16, 1e3, 1e300].map((magnitude) => tails.probability(0, magnitude))
  expect(rare.slice(0, 3).toSorted((a, b) => b - a)).toEqual(rare.slice(0, 3))
  for (const probability of rare) expect(probability).toBeGreaterThan(0)
})

test('before the first value nothing is rare', () => {
  const tails = createTails(2, 100)
  expect(tails.probability(1, 5)).toBe(1)
  expect(tails.magnitude(1, 0.01)).toBe(0)
})

test('what is old fades: after a lasting change the new values are ordinary', () => {
  const tails = learnt(1_000, 1_000)
  expect(tails.probability(0, 50)).toBeLessThan(0.001)
  for (let value = 0; value < 3_000; value += 1) tails.learn(0, 50, 1)
  expect(tails.probability(0, 50)).toBeGreaterThan(0.3)
  for (let value = 0; value < 30_000; value += 1) tails.learn(0, 1, 1)
  expect(tails.probability(0, 50)).toBeLessThan(0.002)
})

test('values on the other side count, but lie nowhere', () => {
  const tails = createTails(1, 1e9)
  for (let value = 0; value < 99; value += 1) tails.learn(0, undefined, 1)
  tails.learn(0, 8, 1)
  expect(tails.probability(0, 1)).toBeCloseTo(2 / 101, 6)
})

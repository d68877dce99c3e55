import { seededRandom } from '@armature/async/random'
import { expect, test } from 'vitest'
import { createCentres } from './centres.ts'

const visit = (centres: ReturnType<typeof createCentres>, at: readonly number[]): number => {
  centres.point.set(at)
  const distance = centres.distance()
  centres.learn(distance)
  return distance
}

test('what was seen is near, what was not is far', () => {
  const centres = createCentres(8, 2)
  const { next } = seededRandom(1)
  for (let point = 0; point < 5_000; point += 1) visit(centres, [next(), next()])
  for (let point = 0; point < 100; point += 1) expect(visit(centres, [next(), next()])).toBeLessThan(1)
  expect(visit(centres, [9, 0.5])).toBeGreaterThan(7)
  expect(visit(centres, [9, 0.5])).toBeLessThan(1)
})

test('few kinds of points are all remembered exactly', () => {
  const centres = createCentres(8, 1)
  for (let point = 0; point < 1_000; point += 1) visit(centres, [point % 7])
  for (let point = 0; point < 7; point += 1) expect(visit(centres, [point])).toBe(0)
})

test('all that was seen stays within a few radii of a centre, however many kinds there are', () => {
  const centres = createCentres(16, 1)
  for (let point = 0; point < 10_000; point += 1) visit(centres, [(point * 7_919) % 1_000])
  for (let point = 0; point < 1_000; point += 1) {
    centres.point[0] = point
    expect(centres.distance()).toBeLessThan((1_000 / 16) * 4)
  }
})

import { expect, test } from 'vitest'
import { createGraphitePoints } from './graphite-points.ts'

const points = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([timeMs, value]) => ({ timeMs, value }))

test('a point counts once, though answers overlap; one of a series that went away and came again counts', () => {
  const take = createGraphitePoints('gauge')
  const values = (...series: { name: string; points: ReturnType<typeof points> }[]) =>
    take({ series: series.map((each) => ({ ...each, tags: {} })), refused: [] }).samples.map(
      ({ name, value, timeMs }) => `${name} ${value} at ${timeMs}`,
    )
  expect(values({ name: 'a', points: points([1, 10], [2, 20]) })).toEqual(['a 10 at 1', 'a 20 at 2'])
  expect(values({ name: 'a', points: points([1, 10], [2, 20], [3, 30]) }, { name: 'b', points: [] })).toEqual([
    'a 30 at 3',
  ])
  expect(values({ name: 'a', points: [] })).toEqual([])
  expect(values({ name: 'a', points: points([3, 30], [4, 40]) })).toEqual(['a 40 at 4'])
})

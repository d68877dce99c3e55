import { describe, expect, test } from 'vitest'
import { createGraphitePoints } from './graphite-points.ts'

const points = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([timeMs, value]) => ({ timeMs, value }))

test('a point counts once, though answers overlap; one of a series that went away and came again counts', () => {
  const take = createGraphitePoints('gauge')
  const values = (...series: { name: string; points: ReturnType<typeof points> }[]) =>
    take({ series: series.map((each) => ({ ...each, tags: {} })), refused: [] }, 0).samples.map(
      ({ name, value, timeMs }) => `${name} ${value} at ${timeMs}`,
    )
  expect(values({ name: 'a', points: points([1, 10], [2, 20]) })).toEqual(['a 10 at 1', 'a 20 at 2'])
  expect(values({ name: 'a', points: points([1, 10], [2, 20], [3, 30]) }, { name: 'b', points: [] })).toEqual([
    'a 30 at 3',
  ])
  expect(values({ name: 'a', points: [] })).toEqual([])
  expect(values({ name: 'a', points: points([3, 30], [4, 40]) })).toEqual(['a 40 at 4'])
})

describe('bug: the points of a series that one answer left out were counted again', () => {
  const answer = (...series: readonly (readonly [string, ...number[]])[]) => ({
    series: series.map(([name, ...times]) => ({
      name,
      tags: {},
      points: times.map((timeMs) => ({ timeMs, value: 1 })),
    })),
    refused: [],
  })

  test('they count once for as long as answers cover them', () => {
    const take = createGraphitePoints('counter')
    expect(take(answer(['a', 10, 20], ['b', 10]), 0).samples).toHaveLength(3)
    expect(take(answer(['b', 20]), 5).samples).toHaveLength(1)
    expect(take(answer(['b', 20]), 15).samples).toHaveLength(0)
    expect(take(answer(['a', 20, 30]), 15).samples).toMatchObject([{ name: 'a', timeMs: 30 }])
  })

  test('what no answer covers any more is forgotten', () => {
    const take = createGraphitePoints('counter')
    take(answer(['a', 10]), 0)
    take(answer(), 10)
    expect(take(answer(['a', 10]), 0).samples).toHaveLength(1)
  })
})

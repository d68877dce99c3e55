import { expect, test } from 'vitest'
import { sumSince } from './graphite-counter.ts'

test.each([
  [
    'a point of the interval in which the search was',
    [
      [5, 90],
      [2, 100],
    ],
    105,
    2,
  ],
  [
    'a point after it',
    [
      [null, 100],
      [4, 110],
    ],
    105,
    4,
  ],
  [
    'points before it',
    [
      [5, 80],
      [7, 90],
    ],
    105,
    0,
  ],
  [
    'no value yet',
    [
      [null, 100],
      [null, 110],
    ],
    105,
    0,
  ],
  ['no point', [], 105, 0],
] as const)('%s', (_what, points, sinceS, sum) => expect(sumSince(points, sinceS)).toBe(sum))

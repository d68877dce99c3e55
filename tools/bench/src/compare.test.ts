import { expect, test } from 'vitest'
import { compare, spreadOf, table } from './compare.ts'

test.each([
  [[3, 1, 2], { min: 1, median: 2, max: 3 }],
  [[4, 1, 2, 3], { min: 1, median: 2.5, max: 4 }],
])('the spread of %j', (values, spread) => expect(spreadOf(values)).toEqual(spread))

test('contenders take turns, the first round is not counted, and ratios pair the runs of one round', async () => {
  const order: string[] = []
  const contender = (name: string, rates: number[]) => ({
    name,
    run: async () => {
      order.push(name)
      return rates.shift() ?? 0
    },
  })
  const results = await compare([contender('a', [999, 10, 30]), contender('b', [999, 5, 10])], 2)
  expect(order.join('')).toBe('ababab')
  expect(results).toEqual([
    { name: 'a', opsPerSecond: { min: 10, median: 20, max: 30 }, firstOverThis: undefined },
    { name: 'b', opsPerSecond: { min: 5, median: 7.5, max: 10 }, firstOverThis: { min: 2, median: 2.5, max: 3 } },
  ])
  expect(table('t', results)).toContain('| b | 0.0 (0.0 to 0.0) | 2.50 (2.00 to 3.00) |')
})

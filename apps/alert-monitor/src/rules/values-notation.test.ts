import { expect, test } from 'vitest'
import { maxValues, parseValues } from './values-notation.ts'

test.each<[string, readonly (number | undefined)[]]>([
  ['1 2 -3.5', [1, 2, -3.5]],
  ['1x3', [1, 1, 1, 1]],
  ['0+5x3', [0, 5, 10, 15]],
  ['9-2x2', [9, 7, 5]],
  ['-1-1x1', [-1, -2]],
  ['0.5+0.5x1', [0.5, 1]],
  ['1 _ 2 _x2', [1, undefined, 2, undefined, undefined]],
  ['', []],
])('%s', (text, values) => {
  expect(parseValues(text)).toEqual(values)
})

test.each(['1y', '1xx2', 'x3', '1+2', '_+1x2', '1e3', 'NaN'])('%s is refused with the forms there are', (text) => {
  expect(parseValues(text)).toMatch(/^holds '.*': write 1, 1x3/)
})

test('repeats are bounded', () => {
  expect(parseValues(`1x${maxValues - 1}`)).toHaveLength(maxValues)
  expect(parseValues(`1x${maxValues}`)).toBe(`has more than ${maxValues} values`)
  expect(parseValues('1x999999')).toMatch(/^has more/)
})

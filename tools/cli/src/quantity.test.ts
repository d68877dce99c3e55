import { expect, test } from 'vitest'
import { quantityOf, showQuantity } from './quantity.ts'

test.each([
  ['250m', 0.25],
  ['2', 2],
  [1.5, 1.5],
  ['64Mi', 64 * 2 ** 20],
  ['1G', 1e9],
  ['1e3', 1_000],
  ['0.5Gi', 2 ** 29],
  [undefined, 0],
])('%s', (text, amount) => expect(quantityOf(text)).toBeCloseTo(amount))

test.each(['', 'x', '1Xi', '1 Gi', '--1'])('%j is no quantity', (text) => expect(quantityOf(text)).toBeNaN())

test('memory is shown in GiB, all else as a number', () => {
  expect(showQuantity('requests.memory', 1.5 * 2 ** 30)).toBe('1.5 GiB')
  expect(showQuantity('requests.cpu', 2.125)).toBe('2.13')
})

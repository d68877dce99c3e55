import fc from 'fast-check'
import { expect, test } from 'vitest'
import { varintBytes, writeVarint } from './varint.ts'

const written = (value: number): Buffer => {
  const out = Buffer.alloc(12, 0xee)
  const end = writeVarint(out, 1, value)
  expect(out.subarray(end)).toEqual(Buffer.alloc(12 - end, 0xee))
  expect(varintBytes(value)).toBe(end - 1)
  return out.subarray(1, end)
}

/** As https://protobuf.dev/programming-guides/encoding/#signed-ints says it, in exact integers. */
const expected = (value: number): Buffer => {
  const integer = BigInt(value)
  const bytes: number[] = []
  let left = integer < 0n ? -integer * 2n - 1n : integer * 2n
  for (; left > 127n; left /= 128n) bytes.push(Number(left % 128n) + 128)
  return Buffer.from([...bytes, Number(left)])
}

test.each([
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [-65, '8101'],
  [8191, 'fe7f'],
  [8192, '808001'],
  [2 ** 31 - 1, 'feffffff0f'],
  [-(2 ** 31), 'ffffffff0f'],
  [2 ** 31, '8080808010'],
  [-(2 ** 63), 'ffffffffffffffffff01'],
])('%d', (value, hex) => {
  expect(written(value).toString('hex')).toBe(hex)
})

test('any integer that a number holds', () => {
  const integers = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.integer({ min: -200, max: 200 }))
  fc.assert(
    fc.property(integers, (value) => {
      expect(written(value)).toEqual(expected(value))
    }),
  )
})

import { expect, test } from 'vitest'
import { encodeText, textMethod } from './text-method.ts'

test('a text is field 1, with its length before it', () => {
  expect(encodeText('')).toEqual(Buffer.of(0x0a, 0))
  expect(encodeText('ab')).toEqual(Buffer.of(0x0a, 2, 0x61, 0x62))
  expect(encodeText('x'.repeat(300)).subarray(0, 4)).toEqual(Buffer.of(0x0a, 0xac, 0x02, 0x78))
})

test('a method has its path; what is no method is refused', () => {
  expect(textMethod('a.v1.B/C')).toMatchObject({ path: '/a.v1.B/C' })
  expect(() => textMethod('a.v1.B')).toThrow('a.v1.B is no method: write package.Service/Method')
})

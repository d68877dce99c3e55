import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'

/** Test vectors of RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
const known: [data: Buffer, sum: number][] = [
  [Buffer.of(), 0],
  [Buffer.from('123456789'), 0xe3069283],
  [Buffer.alloc(32), 0x8a9136aa],
  [Buffer.alloc(32, 0xff), 0x62a8ab43],
  [Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
]

test.each(known)('%j', (data, sum) => {
  expect(crc32c(data)).toBe(sum)
  for (const before of [1, 2, 3, 5]) expect(crc32c(Buffer.concat([Buffer.alloc(before, 7), data]), before)).toBe(sum)
})

test('all lengths around the bytes of a step, at places of all kinds', () => {
  const bitByBit = (data: Buffer): number => {
    let sum = 0xffffffff
    for (const byte of data) {
      sum ^= byte
      for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
    }
    return ~sum >>> 0
  }
  const all = Buffer.from(Array.from({ length: 100 }, (_, index) => (index * 7_919) & 0xff))
  for (let start = 0; start < 20; start++) {
    for (let end = start; end <= all.length; end++) {
      const data = all.subarray(start, end)
      expect(crc32c(data)).toBe(bitByBit(data))
      expect(crc32c(all.subarray(0, end), start)).toBe(bitByBit(data))
    }
  }
})

/** Castagnoli's, reversed. */
const polynomial = 0x82f63b78
const entries = 256
const stepBytes = 16

/** A table after the other: what a byte does to the sum when 0, 1, ... 15 bytes of the step follow it. */
const table = ((): Int32Array => {
  const sums = new Int32Array(stepBytes * entries)
  for (let byte = 0; byte < entries; byte++) {
    let sum = byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0)
    sums[byte] = sum
  }
  for (let at = entries; at < sums.length; at++) {
    const nearer = sums[at - entries] as number
    sums[at] = (nearer >>> 8) ^ (sums[nearer & 0xff] as number)
  }
  return sums
})()

/** The change of the sum by four bytes when `following` bytes of the step follow them. */
const wordSum = (word: number, following: number): number => {
  const last = following * entries
  return (
    (table[last + 3 * entries + (word & 0xff)] as number) ^
    (table[last + 2 * entries + ((word >>> 8) & 0xff)] as number) ^
    (table[last + entries + ((word >>> 16) & 0xff)] as number) ^
    (table[last + (word >>> 24)] as number)
  )
}

/** CRC-32C (RFC 9260, appendix A) of the bytes from `start` on, as an unsigned number. Sixteen bytes a step: a table for each. */
export const crc32c = (data: Uint8Array, start = 0): number => {
  const words = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let sum = -1
  let at = start
  for (; at + stepBytes <= data.length; at += stepBytes) {
    sum =
      wordSum(sum ^ words.getInt32(at, true), 12) ^
      wordSum(words.getInt32(at + 4, true), 8) ^
      wordSum(words.getInt32(at + 8, true), 4) ^
      wordSum(words.getInt32(at + 12, true), 0)
  }
  for (; at < data.length; at++) sum = (sum >>> 8) ^ (table[(sum ^ (data[at] as number)) & 0xff] as number)
  return ~sum >>> 0
}

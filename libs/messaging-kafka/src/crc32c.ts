/** Castagnoli's, reversed. */
const polynomial = 0x82f63b78
const entries = 256

/** Tables of what a byte does to the sum when it is 0 to 3 bytes from the end of a word. */
const tables = ((): readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array] => {
  const last = Uint32Array.from({ length: entries }, (_, byte) => {
    let sum = byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0)
    return sum
  })
  const further = (near: Uint32Array) => near.map((sum) => (sum >>> 8) ^ (last[sum & 0xff] ?? 0))
  const [third, second] = [further(last), further(further(last))]
  return [last, third, second, further(second)]
})()

/** CRC-32C (RFC 9260, appendix A) of the bytes from `start` on, as an unsigned number. Four bytes a step: a table for each. */
export const crc32c = (data: Buffer, start = 0): number => {
  const [last, third, second, first] = tables
  let sum = 0xffffffff
  let at = start
  for (; at + 4 <= data.length; at += 4) {
    const word = sum ^ data.readInt32LE(at)
    sum =
      (first[word & 0xff] as number) ^
      (second[(word >>> 8) & 0xff] as number) ^
      (third[(word >>> 16) & 0xff] as number) ^
      (last[word >>> 24] as number)
  }
  for (; at < data.length; at++) sum = (sum >>> 8) ^ (last[(sum ^ data.readUInt8(at)) & 0xff] as number)
  return (sum ^ 0xffffffff) >>> 0
}

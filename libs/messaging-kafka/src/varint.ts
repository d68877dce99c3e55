/** Integers as Kafka's records have them: in zigzag, where the lowest bit is the sign, seven bits a byte, the lowest first. */

/** How many bytes `writeVarint` takes. */
export const varintBytes = (value: number): number => {
  if (value !== (value | 0)) return varlongBytes(value)
  const bits = 32 - Math.clz32((value << 1) ^ (value >> 31))
  return bits === 0 ? 1 : Math.ceil(bits / 7)
}

/** Writes an integer of 64 bits at most, and answers the place after it. There has to be room. */
export const writeVarint = (out: Buffer, start: number, value: number): number => {
  if (value !== (value | 0)) return writeVarlong(out, start, value)
  let at = start
  let left = ((value << 1) ^ (value >> 31)) >>> 0
  for (; left > 0x7f; left >>>= 7) out[at++] = (left & 0x7f) | 0x80
  out[at++] = left
  return at
}

const zigzag = (value: number): bigint => {
  const integer = BigInt.asIntN(64, BigInt(value))
  return BigInt.asUintN(64, (integer << 1n) ^ (integer >> 63n))
}

const varlongBytes = (value: number): number => {
  let bytes = 1
  for (let left = zigzag(value) >> 7n; left > 0n; left >>= 7n) bytes++
  return bytes
}

const writeVarlong = (out: Buffer, start: number, value: number): number => {
  let at = start
  let left = zigzag(value)
  for (; left > 0x7fn; left >>= 7n) out[at++] = Number(left & 0x7fn) | 0x80
  out[at++] = Number(left)
  return at
}

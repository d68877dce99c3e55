/** The hash of Kafka's Java client for keys (32-bit MurmurHash2 with its seed), so that all clients choose the same partition. */
export const murmur2 = (data: Uint8Array): number => {
  const { length } = data
  const byte = (at: number) => data[at] ?? 0
  let hash = 0x9747b28c ^ length
  const whole = length - (length % 4)
  for (let at = 0; at < whole; at += 4) {
    let block = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    block = Math.imul(block, multiplier)
    block ^= block >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(block, multiplier)
  }
  if (length % 4 === 3) hash ^= byte(whole + 2) << 16
  if (length % 4 >= 2) hash ^= byte(whole + 1) << 8
  if (length % 4 >= 1) hash = Math.imul(hash ^ byte(whole), multiplier)
  hash ^= hash >>> 13
  hash = Math.imul(hash, multiplier)
  return hash ^ (hash >>> 15)
}

const multiplier = 0x5bd1e995

/** The partition of a key, as Kafka's Java client and kafkajs choose it. */
export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions

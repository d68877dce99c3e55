/**
 * A hash of an ordering key, 32 bits unsigned, the same in every process: FNV-1a over UTF-16 units (Fowler, Noll, Vo), folded by the
 * last multiplication of MurmurHash3.
 */
export const keyHash = (key: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < key.length; index++) value = Math.imul(value ^ key.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  return (value ^ (value >>> 13)) >>> 0
}

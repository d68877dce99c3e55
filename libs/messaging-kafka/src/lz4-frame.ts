/** The magic number of the frame format (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). */
const magic = 0x184d2204
const flag = { version: 0xc0, version1: 0x40, blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 } as const
const isStored = 0x80000000
const longNibble = 15
const leastMatch = 4
const firstRoomBytes = 64 * 1024

/**
 * Decodes the first LZ4 frame of `data`. Throws RangeError where it is more than `maxBytes` or no such frame. Its checksums are not looked at:
 * a batch of Kafka has one of its own. This is no package's work since none of them bounds what it makes.
 */
export const lz4Decompress = (data: Buffer, maxBytes: number): Buffer => {
  let out = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(firstRoomBytes, data.length * 4)))
  let size = 0

  const room = (bytes: number) => {
    if (size + bytes > maxBytes) throw new RangeError(`it is more than ${maxBytes} bytes`)
    if (size + bytes <= out.length) return
    const grown = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(out.length * 2, size + bytes)))
    out.copy(grown, 0, 0, size)
    out = grown
  }

  const literals = (from: number, bytes: number, end: number) => {
    if (from + bytes > end) throw new RangeError('its literals end too early')
    room(bytes)
    data.copy(out, size, from, from + bytes)
    size += bytes
  }

  const match = (distance: number, bytes: number) => {
    if (distance === 0 || distance > size) throw new RangeError(`it repeats what is ${distance} bytes before`)
    room(bytes)
    if (distance >= bytes) out.copyWithin(size, size - distance, size - distance + bytes)
    // It repeats what it makes.
    else for (let each = size; each < size + bytes; each++) out[each] = out[each - distance] as number
    size += bytes
  }

  const block = (start: number, end: number) => {
    let at = start
    const length = (nibble: number): number => {
      let bytes = nibble
      if (nibble === longNibble) {
        for (let more = 255; more === 255; bytes += more) {
          if (at >= end) throw new RangeError('a length ends too early')
          more = data.readUInt8(at++)
        }
      }
      return bytes
    }
    while (at < end) {
      const token = data.readUInt8(at++)
      const bytes = length(token >>> 4)
      literals(at, bytes, end)
      at += bytes
      if (at === end) return
      const distance = data.readUInt16LE(at)
      at += 2
      match(distance, length(token & longNibble) + leastMatch)
    }
  }

  if (data.readUInt32LE(0) !== magic) throw new RangeError('it is no LZ4 frame')
  const flags = data.readUInt8(4)
  if ((flags & flag.version) !== flag.version1) throw new RangeError('it is an LZ4 frame of another version')
  if ((flags & flag.dictionary) !== 0) throw new RangeError('it needs a dictionary')
  // Magic, flags, size of blocks, size of the content, checksum of these.
  let at = 4 + 2 + ((flags & flag.contentSize) === 0 ? 0 : 8) + 1
  for (;;) {
    const head = data.readUInt32LE(at)
    at += 4
    if (head === 0) return out.subarray(0, size)
    const end = at + (head & ~isStored)
    if (end > data.length) throw new RangeError('a block ends too early')
    if (head >= isStored) literals(at, end - at, end)
    else block(at, end)
    at = end + ((flags & flag.blockChecksum) === 0 ? 0 : 4)
  }
}

/** Writes what Kafka's protocol is made of (https://kafka.apache.org/protocol#protocol_types), of any length. */
export interface Writer {
  int8(value: number): Writer
  int16(value: number): Writer
  int32(value: number): Writer
  int64(value: bigint): Writer
  /** Without a sign, of 32 bits at most. */
  uvarint(value: number): Writer
  bytes(value: Uint8Array): Writer
  /** In UTF-8, after its length as an int16. */
  string(value: string): Writer
  /** In UTF-8, after its length and one more as a uvarint. */
  compactString(value: string): Writer
  /** Each of them, after their number and one more as a uvarint. */
  compactArray<Item>(items: readonly Item[], write: (item: Item) => void): Writer
  /** The bytes written. */
  done(): Buffer
}

const firstRoomBytes = 256

/** An empty one. */
export const writer = (): Writer => {
  let out = Buffer.allocUnsafe(firstRoomBytes)
  let size = 0

  /** The place to write so many bytes at. */
  const take = (bytes: number): number => {
    const at = size
    size += bytes
    if (size > out.length) {
      const grown = Buffer.allocUnsafe(Math.max(out.length * 2, size))
      out.copy(grown, 0, 0, at)
      out = grown
    }
    return at
  }
  const put = (bytes: number, write: (at: number) => void): Writer => {
    write(take(bytes))
    return self
  }

  const self: Writer = {
    int8: (value) => put(1, (at) => out.writeInt8(value, at)),
    int16: (value) => put(2, (at) => out.writeInt16BE(value, at)),
    int32: (value) => put(4, (at) => out.writeInt32BE(value, at)),
    int64: (value) => put(8, (at) => out.writeBigInt64BE(value, at)),
    uvarint: (value) => {
      let left = value
      for (; left > 0x7f; left >>>= 7) put(1, (at) => out.writeUInt8((left & 0x7f) | 0x80, at))
      return put(1, (at) => out.writeUInt8(left, at))
    },
    bytes: (value) => put(value.length, (at) => out.set(value, at)),
    string: (value) => {
      const bytes = Buffer.from(value)
      return self.int16(bytes.length).bytes(bytes)
    },
    compactString: (value) => {
      const bytes = Buffer.from(value)
      return self.uvarint(bytes.length + 1).bytes(bytes)
    },
    compactArray: (items, write) => {
      self.uvarint(items.length + 1)
      for (const item of items) write(item)
      return self
    },
    done: () => out.subarray(0, size),
  }
  return self
}

import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { uncompress as unsnappy } from 'snappyjs'
import { lz4Decompress } from './lz4-frame.ts'

/** By the lowest bits of a batch's attributes. */
const codecs: readonly ((data: Buffer, maxBytes: number) => Promise<Buffer> | Buffer)[] = [
  (data) => data,
  (data, maxOutputLength) => promisify(gunzip)(data, { maxOutputLength }),
  (data, maxBytes) => snappyDecompress(data, maxBytes),
  (data, maxBytes) => lz4Decompress(data, maxBytes),
  (data, maxOutputLength) => promisify(zstdDecompress)(data, { maxOutputLength }),
]
const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** The records of a batch as they were before they were compressed. Rejects for an unknown codec, what is broken, and more than `maxBytes`. */
export const decompress = async (codec: number, data: Buffer, maxBytes: number): Promise<Buffer> => {
  const decode = codecs[codec]
  if (decode === undefined) throw new Error(`its records are compressed by the codec ${codec}: it is not known`)
  try {
    return await decode(data, maxBytes)
  } catch (cause) {
    const problem = `its records, compressed by ${names[codec] ?? codec}, cannot be decompressed to ${maxBytes} bytes or less`
    throw new Error(`${problem}: ${(cause as Error).message}`, { cause })
  }
}

/** Java's clients write blocks with their lengths between, after this and two versions; those of C a block alone. */
const javaMagic = Buffer.from('\x82SNAPPY\0', 'latin1')
const javaHeadBytes = javaMagic.length + 4 + 4

const snappyDecompress = (data: Buffer, maxBytes: number): Buffer => {
  if (!data.subarray(0, javaMagic.length).equals(javaMagic)) return unsnappy(data, maxBytes)
  const blocks: Buffer[] = []
  let left = maxBytes
  for (let at = javaHeadBytes; at < data.length;) {
    const end = at + 4 + data.readUInt32BE(at)
    if (end > data.length) throw new RangeError('a block ends too early')
    const block = unsnappy(data.subarray(at + 4, end), left)
    blocks.push(block)
    left -= block.length
    at = end
  }
  return Buffer.concat(blocks)
}

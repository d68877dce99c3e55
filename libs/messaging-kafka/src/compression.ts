import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib'
import { compress as snappy, uncompress as unsnappy } from 'snappyjs'
import { lz4Decompress } from './lz4-frame.ts'

/** How the records of a batch are compressed. A batch has its place in this list in the lowest bits of its attributes. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof codecs)[number]

/** The codecs for publishing. LZ4 is only read, since no maintained package of JavaScript writes its frames. */
export const publishedCodecs = ['none', 'gzip', 'snappy', 'zstd'] as const satisfies readonly Codec[]
export type PublishedCodec = (typeof publishedCodecs)[number]

const compressors: Readonly<Record<PublishedCodec, (data: Buffer) => Promise<Buffer> | Buffer>> = {
  none: (data) => data,
  gzip: (data) => promisify(gzip)(data),
  snappy: (data) => snappy(data),
  zstd: (data) => promisify(zstdCompress)(data),
}

const decompressors: Readonly<Record<Codec, (data: Buffer, maxBytes: number) => Promise<Buffer> | Buffer>> = {
  none: (data) => data,
  gzip: (data, maxOutputLength) => promisify(gunzip)(data, { maxOutputLength }),
  snappy: (data, maxBytes) => snappyDecompress(data, maxBytes),
  lz4: (data, maxBytes) => lz4Decompress(data, maxBytes),
  zstd: (data, maxOutputLength) => promisify(zstdDecompress)(data, { maxOutputLength }),
}

/** The records of a batch as they are sent. */
export const compress = async (codec: PublishedCodec, data: Buffer): Promise<Buffer> => compressors[codec](data)

/**
 * The records of a batch as they were before they were compressed; `number` is the codec's in the batch. Rejects for an unknown codec, what
 * is broken, and more than `maxBytes`.
 */
export const decompress = async (number: number, data: Buffer, maxBytes: number): Promise<Buffer> => {
  const codec = codecs[number]
  if (codec === undefined) throw new Error(`its records are compressed by the codec ${number}: it is not known`)
  try {
    return await decompressors[codec](data, maxBytes)
  } catch (cause) {
    const problem = `its records, compressed by ${codec}, cannot be decompressed to ${maxBytes} bytes or less`
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

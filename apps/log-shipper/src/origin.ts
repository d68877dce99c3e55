import { createHash } from 'node:crypto'

/** The things that the lines of one file have in common. */
export interface Origin {
  /** The id of the file. With the offset of a line it is the id of its message. */
  readonly id: string
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
}

/** An origin as records have it. */
export interface EncodedOrigin {
  readonly text: Buffer
  /** Stands for it in the records that follow. */
  readonly hash: number
}

/** Which stream of a container a line was written to. */
export const streams = [undefined, 'stdout', 'stderr'] as const

/** The origins of the lines of an append; line `i` has the `i`th of each column. */
export interface NewOrigins {
  readonly origin: EncodedOrigin
  /** The start of each line in the file. */
  readonly offsets: Float64Array
  /** Indexes of `streams`. */
  readonly streamOf: Uint8Array
}

/** The origins of lines that were read back. */
export interface Origins {
  readonly list: readonly Origin[]
  /** Indexes of `list`, counted from 1; 0 for a line of no file. */
  readonly of: Uint32Array
  readonly offsets: Float64Array
  readonly streamOf: Uint8Array
}

/**
 * The part of a record before the line, if it is of a file:
 *
 *     0  6  hash of the origin        12  2  length of the origin, where it follows
 *     6  6  offset of the line        14  .. the origin, as JSON
 *
 * The first record of each write has the origin itself. The mark in the header of the record has bit 0 set where this is there, bit 1 where the
 * origin is, and the stream above that.
 */
const hashBytes = 6
const offsetBytes = 6
const lengthBytes = 2
/** The longest origin. */
const maxTextBytes = 2 ** 16 - 1
/** The most that an origin takes in a record. */
export const maxOriginBytes = hashBytes + offsetBytes + lengthBytes + maxTextBytes

/** Throws RangeError for one of more than 64 KiB. */
export const encodeOrigin = (origin: Origin): EncodedOrigin => {
  const text = Buffer.from(JSON.stringify(origin))
  if (text.length > maxTextBytes)
    throw new RangeError(`an origin has ${text.length} bytes, ${maxTextBytes} are allowed`)
  return { text, hash: createHash('sha256').update(text).digest().readUIntLE(0, hashBytes) }
}

/** The bytes that stand before the line. */
export const originBytes = (origins: NewOrigins | undefined, isFirst: boolean): number => {
  if (origins === undefined) return 0
  return hashBytes + offsetBytes + (isFirst ? lengthBytes + origins.origin.text.length : 0)
}

/** The mark of a record. */
export const originMark = (origins: NewOrigins | undefined, index: number, isFirst: boolean): number =>
  origins === undefined ? 0 : 1 | (isFirst ? 2 : 0) | ((origins.streamOf[index] ?? 0) << 2)

/** Writes what stands before the line. */
export const writeOrigin = (out: Buffer, at: number, origins: NewOrigins, index: number, isFirst: boolean): void => {
  const { origin, offsets } = origins
  out.writeUIntLE(origin.hash, at, hashBytes)
  out.writeUIntLE(offsets[index] ?? 0, at + hashBytes, offsetBytes)
  if (!isFirst) return
  const lengthAt = at + hashBytes + offsetBytes
  out.writeUInt16LE(origin.text.length, lengthAt)
  origin.text.copy(out, lengthAt + lengthBytes)
}

/** The origins that were found in a segment so far, by their hashes. */
export type KnownOrigins = Map<number, Origin>

/** Collects the origins of records that are read one after the other. */
export const collectOrigins = (known: KnownOrigins) => {
  const list: Origin[] = []
  const numbers = new Map<Origin, number>()
  const of: number[] = []
  const offsets: number[] = []
  const streamOf: number[] = []
  let isUsed = false

  const numberOf = (origin: Origin | undefined): number => {
    if (origin === undefined) return 0
    const number = numbers.get(origin) ?? list.push(origin)
    numbers.set(origin, number)
    return number
  }

  return {
    /** Notes the origin of the record number `index`, of which the body begins at `at`. Answers where the line begins. */
    add: (index: number, buffer: Buffer, at: number, mark: number): number => {
      if ((mark & 1) === 0) return at
      isUsed = true
      const hash = buffer.readUIntLE(at, hashBytes)
      offsets[index] = buffer.readUIntLE(at + hashBytes, offsetBytes)
      streamOf[index] = mark >> 2
      let end = at + hashBytes + offsetBytes
      if ((mark & 2) !== 0) {
        const textAt = end + lengthBytes
        end = textAt + buffer.readUInt16LE(end)
        if (!known.has(hash)) known.set(hash, JSON.parse(buffer.toString('utf8', textAt, end)) as Origin)
      }
      of[index] = numberOf(known.get(hash))
      return end
    },
    /** Undefined where no record has one. */
    take: (count: number): Origins | undefined =>
      isUsed
        ? {
            list,
            of: Uint32Array.from({ length: count }, (_, index) => of[index] ?? 0),
            offsets: Float64Array.from({ length: count }, (_, index) => offsets[index] ?? 0),
            streamOf: Uint8Array.from({ length: count }, (_, index) => streamOf[index] ?? 0),
          }
        : undefined,
  }
}

/** The origins of the lines at these indexes. */
export const pickOrigins = ({ list, of, offsets, streamOf }: Origins, indexes: Uint32Array): Origins => ({
  list,
  of: indexes.map((index) => of[index] ?? 0),
  offsets: Float64Array.from(indexes, (index) => offsets[index] ?? 0),
  streamOf: Uint8Array.from(indexes, (index) => streamOf[index] ?? 0),
})

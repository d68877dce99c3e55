import { writeVarint } from './varint.ts'

/** Headers as a record has them: how many there are, then each name and value with their lengths. */
export interface EncodedHeaders {
  readonly data: Buffer
  readonly count: number
  /** The bytes of names and values, without their lengths. */
  readonly contentBytes: number
}

/** Most messages have few and short ones, which are written here first. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024)
const longestVarintBytes = 5
const maxBytesPerCharacter = 3

/** The same names come with every message: so many of at most so many characters are remembered in UTF-8. */
const maxRememberedNames = 1_000
const maxRememberedCharacters = 64
const remembered = new Map<string, Buffer>()

const nameBytes = (name: string): Buffer => {
  const known = remembered.get(name)
  if (known !== undefined) return known
  const bytes = Buffer.from(name)
  if (remembered.size < maxRememberedNames && name.length <= maxRememberedCharacters) remembered.set(name, bytes)
  return bytes
}

/** Encodes headers in the order that they have. Text is written in UTF-8. */
export const encodeHeaders = (headers: Readonly<Record<string, string | Buffer>>): EncodedHeaders => {
  const out = roomFor(headers)
  const names = Object.keys(headers)
  const count = names.length
  let contentBytes = 0
  let at = writeVarint(out, 0, count)
  for (const name of names) {
    const value = headers[name] as string | Buffer
    const inUtf8 = nameBytes(name)
    at = writeVarint(out, at, inUtf8.length)
    out.set(inUtf8, at)
    at += inUtf8.length
    const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
    at = writeVarint(out, at, length)
    if (typeof value === 'string') out.write(value, at)
    else out.set(value, at)
    at += length
    contentBytes += inUtf8.length + length
  }
  const data = Buffer.allocUnsafe(at)
  out.copy(data, 0, 0, at)
  return { data, count, contentBytes }
}

/** One header by itself: its name and its value with their lengths. */
export const encodeHeader = (name: string, value: string | Buffer): Buffer =>
  encodeHeaders({ [name]: value }).data.subarray(1)

const roomFor = (headers: Readonly<Record<string, string | Buffer>>): Buffer => {
  let bytes = longestVarintBytes
  for (const name in headers) {
    const { length } = headers[name] as string | Buffer
    bytes += 2 * longestVarintBytes + (name.length + length) * maxBytesPerCharacter
  }
  return bytes <= scratch.length ? scratch : Buffer.allocUnsafe(bytes)
}

import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

/** So many bytes of the beginning, and so many before a position, tell one file from another. */
export const printBytes = 1024

/** A checksum of so many bytes. */
export interface Print {
  readonly bytes: number
  readonly sha256: string
}

/**
 * A place in a file, and what stood before it. A log is only appended to, so as long as the file is the same one, its first bytes and the
 * bytes before the place stay what they are. Both grow with the file up to `printBytes`.
 */
export interface Mark {
  readonly position: number
  /** The checksum of the first bytes of the file. */
  readonly head: Print
  /** The checksum of the bytes before the position. */
  readonly tail: Print
}

/** The checksum of these bytes. */
export const printOf = (bytes: Uint8Array): Print => ({
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
})

const nothing = printOf(new Uint8Array())

/** The beginning of a file of which nothing is known. */
export const startMark: Mark = { position: 0, head: nothing, tail: nothing }

/** Bytes of a file, and where in it they begin. */
export interface FileWindow {
  readonly bytes: Buffer
  readonly start: number
}

/**
 * The mark at a position within the window, which must hold the `printBytes` before it or all there are. `head` is what is known of the
 * first bytes so far; a window from the beginning of the file adds to it.
 */
export const markAt = ({ bytes, start }: FileWindow, position: number, head: Print): Mark => {
  const end = position - start
  const known = start === 0 ? Math.min(printBytes, end) : 0
  return {
    position,
    head: known > head.bytes ? printOf(bytes.subarray(0, known)) : head,
    tail: printOf(bytes.subarray(Math.max(0, end - printBytes), end)),
  }
}

/** Whether the file holds at the place of the print what the print is of. */
export const holds = async (handle: FileHandle, { bytes, sha256 }: Print, end: number): Promise<boolean> => {
  if (bytes === 0) return true
  return printOf(await readAt(handle, end - bytes, bytes)).sha256 === sha256
}

/** Whether this is the file that the mark was made in: its beginning, and the bytes before the position, are the same. */
export const isMarked = async (handle: FileHandle, { position, head, tail }: Mark): Promise<boolean> =>
  (await holds(handle, head, head.bytes)) && (await holds(handle, tail, position))

/** Up to `length` bytes, fewer at the end of the file. */
export const readAt = async (handle: FileHandle, position: number, length: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafeSlow(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

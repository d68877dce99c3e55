import type { FileHandle } from 'node:fs/promises'
import { type FileWindow, holds, type Mark, markAt, printBytes, printOf, readAt } from './fingerprint.ts'

/** Complete lines of a file, one after the other. */
export interface ReadLines {
  readonly kind: 'lines'
  /** The start of the first, and the end of the last. */
  readonly from: number
  readonly to: number
  /** Each line ends with a line feed, but the last line of the file and a line that was cut off. */
  readonly bytes: Buffer
  /** The number of bytes that a line that is too long lacks behind `bytes`; it comes alone. Else 0. */
  readonly cutBytes: number
  /** The mark at a place between `from` and `to`, those included. */
  markAt(position: number): Mark
}

export type ReadOutcome =
  | ReadLines
  /** A line that is too long has no end up to there: there is more to search. */
  | { readonly kind: 'more'; readonly searchedTo: number }
  /** No complete line is there. `restBytes` of a line that has no end yet are, in which it was searched up to `searchedTo`. */
  | { readonly kind: 'end'; readonly restBytes: number; readonly searchedTo?: number | undefined }
  /** The file was truncated, or holds something else: what was read before is not in it. So many bytes of that were seen but not read. */
  | { readonly kind: 'replaced'; readonly unreadBytes?: number }

/** The part to be read: a file up to a size, from a mark on. */
export interface Span {
  readonly handle: FileHandle
  readonly mark: Mark
  readonly sizeBytes: number
  readonly maxLineBytes: number
}

/** So many bytes a turn, but for a line that is longer. */
const turnBytes = 256 * 1024
/** A carriage return and a line feed. */
const terminatorBytes = 2
const lineFeed = 0x0a
const carriageReturn = 0x0d

/** The next lines, about `turnBytes` at most. */
export const nextLines = async (span: Span): Promise<ReadOutcome> => {
  const { mark, sizeBytes, maxLineBytes } = span
  const longestBytes = maxLineBytes + terminatorBytes
  const available = sizeBytes - mark.position
  for (let length = Math.min(available, turnBytes); ; length = Math.min(available, longestBytes)) {
    const window = await windowOf(span, length)
    if (window === undefined) return { kind: 'replaced' }
    const to = window.start + window.bytes.lastIndexOf(lineFeed) + 1
    if (to > mark.position) return linesOf(window, mark, to)
    if (length >= longestBytes) return searchEnd(span, mark.position + length)
    if (length === available) return { kind: 'end', restBytes: available }
  }
}

/** Goes on searching the end of a line that is too long. */
export const searchEnd = async (span: Span, from: number): Promise<ReadOutcome> => {
  const { handle, mark, sizeBytes } = span
  if (!(await holds(handle, mark.tail, mark.position))) return { kind: 'replaced' }
  const part = await readAt(handle, from, Math.min(turnBytes, sizeBytes - from))
  const at = part.indexOf(lineFeed)
  if (at < 0) {
    const searchedTo = from + part.length
    return searchedTo < sizeBytes
      ? { kind: 'more', searchedTo }
      : { kind: 'end', restBytes: sizeBytes - mark.position, searchedTo }
  }
  const feed = from + at
  const [before] = at > 0 ? part.subarray(at - 1, at) : await readAt(handle, feed - 1, 1)
  return cutLine(span, before === carriageReturn ? feed - 1 : feed, feed + 1)
}

/** The last line, which has no end, as far as it is there. */
export const lastLine = async (span: Span): Promise<ReadOutcome> => {
  const { mark, sizeBytes, maxLineBytes } = span
  const length = sizeBytes - mark.position
  if (length > maxLineBytes) return cutLine(span, sizeBytes, sizeBytes)
  const window = await windowOf(span, length)
  return window === undefined ? { kind: 'replaced' } : linesOf(window, mark, window.start + window.bytes.length)
}

/** The bytes from the mark on with those before it; undefined where those are not what was read. */
const windowOf = async ({ handle, mark }: Span, length: number): Promise<FileWindow | undefined> => {
  const { position, tail } = mark
  const start = position - tail.bytes
  const bytes = await readAt(handle, start, tail.bytes + length)
  return printOf(bytes.subarray(0, tail.bytes)).sha256 === tail.sha256 ? { bytes, start } : undefined
}

const linesOf = (window: FileWindow, { position: from, head }: Mark, to: number): ReadLines => ({
  kind: 'lines',
  from,
  to,
  bytes: window.bytes.subarray(from - window.start, to - window.start),
  cutBytes: 0,
  markAt: (position) => markAt(window, position, head),
})

/** The first bytes of a line that ends at `end`; the next one begins at `to`. */
const cutLine = async ({ handle, mark, maxLineBytes }: Span, end: number, to: number): Promise<ReadLines> => {
  const { position: from } = mark
  const bytes = await readAt(handle, from, maxLineBytes)
  const tailBytes = Math.min(printBytes, to)
  const window = { bytes: await readAt(handle, to - tailBytes, tailBytes), start: to - tailBytes }
  const { head } = from === 0 ? markAt({ bytes, start: 0 }, bytes.length, mark.head) : mark
  const after = markAt(window, to, head)
  return {
    kind: 'lines',
    from,
    to,
    bytes,
    cutBytes: end - from - bytes.length,
    markAt: (position) => (position === to ? after : mark),
  }
}

import type { FileHandle } from 'node:fs/promises'
import { holds, isMarked, type Mark, printBytes, printOf, readAt, startMark } from './fingerprint.ts'
import { lastLine, nextLines, type ReadOutcome, searchEnd } from './next-lines.ts'

export interface FileReader {
  /** The start of the next line. */
  readonly mark: Mark
  /** When the file was last seen to have changed, on the clock of the caller. */
  readonly changedMs: number
  /** Its size and time of change when it was last looked at. */
  readonly seen: { readonly sizeBytes: number; readonly modifiedNs: bigint }
  /** Its size when it was first looked at. */
  readonly firstSeenBytes: number
  /** Its size now. */
  sizeBytes(): Promise<number>
  /** The next lines, one turn of them. */
  read(nowMs: number): Promise<ReadOutcome>
  /** The last line, which has no end, as far as it is there. */
  readRest(): Promise<ReadOutcome>
  /** The knowledge of the first lines before any is read. */
  peekHead(): Promise<Mark>
  /** Reads from the beginning, as another file. */
  restart(): void
  close(): Promise<void>
}

export interface FileReaderOptions {
  readonly handle: FileHandle
  readonly mark: Mark
  readonly maxLineBytes: number
  readonly nowMs: number
}

const lineFeed = 0x0a
const unseen = { sizeBytes: -1, modifiedNs: -1n }

/** A reader at the mark; undefined where the file is not the one that was marked. */
export const openFileReader = async (options: FileReaderOptions): Promise<FileReader | undefined> =>
  (await isMarked(options.handle, options.mark)) ? createFileReader(options) : undefined

/** Reads the lines of one open file, whatever its name is by now. Nothing of a line without end is kept in memory. */
export const createFileReader = ({ handle, maxLineBytes, ...options }: FileReaderOptions): FileReader => {
  let { mark, nowMs: changedMs } = options
  let seen = unseen
  let firstSeenBytes = 0
  /** Up to where a line that is too long was searched for its end. */
  let searchedTo: number | undefined
  /** No complete line was there when it was last looked at. */
  let hasNoLine = false

  const look = async (nowMs: number): Promise<ReadOutcome> => {
    const { size, mtimeNs } = await handle.stat({ bigint: true })
    const sizeBytes = Number(size)
    const { position } = mark
    const isSame = sizeBytes === seen.sizeBytes && mtimeNs === seen.modifiedNs
    if (!isSame) changedMs = nowMs
    if (sizeBytes < position) return { kind: 'replaced' }
    const restBytes = sizeBytes - position
    if (isSame && (restBytes === 0 || hasNoLine)) return { kind: 'end', restBytes, searchedTo }
    if (seen === unseen) firstSeenBytes = sizeBytes
    seen = { sizeBytes, modifiedNs: mtimeNs }
    if (restBytes === 0)
      return (await holds(handle, mark.tail, position)) ? { kind: 'end', restBytes } : { kind: 'replaced' }
    const span = { handle, mark, sizeBytes, maxLineBytes }
    return searchedTo === undefined || searchedTo > sizeBytes ? nextLines(span) : searchEnd(span, searchedTo)
  }

  const take = (outcome: ReadOutcome): ReadOutcome => {
    searchedTo = 'searchedTo' in outcome ? outcome.searchedTo : undefined
    hasNoLine = outcome.kind === 'end'
    if (outcome.kind === 'lines') mark = outcome.markAt(outcome.to)
    return outcome
  }

  return {
    get mark() {
      return mark
    },
    get changedMs() {
      return changedMs
    },
    get seen() {
      return seen
    },
    get firstSeenBytes() {
      return firstSeenBytes
    },
    sizeBytes: async () => (await handle.stat()).size,
    read: async (nowMs) => {
      const unreadBytes = Math.max(0, seen.sizeBytes - mark.position)
      const outcome = take(await look(nowMs))
      return outcome.kind === 'replaced' ? { ...outcome, unreadBytes } : outcome
    },
    readRest: async () => take(await lastLine({ handle, mark, sizeBytes: seen.sizeBytes, maxLineBytes })),
    peekHead: async () => {
      const bytes = await readAt(handle, 0, printBytes)
      const end = bytes.length === printBytes ? printBytes : bytes.lastIndexOf(lineFeed) + 1
      return { ...startMark, head: printOf(bytes.subarray(0, end)) }
    },
    restart: () => {
      mark = startMark
      seen = unseen
      searchedTo = undefined
      hasNoLine = false
    },
    close: () => handle.close(),
  }
}

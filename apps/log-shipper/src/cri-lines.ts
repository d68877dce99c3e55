import { isUtf8 } from 'node:buffer'
import { type CriEntry, criEntry } from './cri.ts'
import type { LineFlaw, Lines } from './lines.ts'
import { streams } from './origin.ts'

/** Lines with their place in their file. */
export interface PlacedLines extends Lines {
  readonly offsets: Float64Array
  readonly streamOf: Uint8Array
  /** The times of lines that have one of their own. */
  readonly timesMs?: Float64Array
}

/** A line of which the last part has not come. */
export interface OpenLine {
  /** The path of its log, and the file that it begins in. */
  readonly path: string
  readonly fileId: string
  /** The start of its first part in that file. */
  readonly offset: number
  readonly stream: CriEntry['stream']
  /** When its first part was written. */
  readonly timeMs: number
  /** When its last part so far was read. */
  changedMs: number
}

interface Parts extends OpenLine {
  readonly parts: Buffer[]
  heldBytes: number
  cutBytes: number
}

/** Lines as they stand in a file: line `i` begins at `offsets[i]`. */
export interface FileLinesAsTheyStand {
  readonly path: string
  readonly fileId: string
  readonly lines: Lines
  readonly offsets: Float64Array
  /** The time of lines that have none. */
  readonly nowMs: number
}

export interface CriReader {
  /** The whole lines among these, those in parts joined. A line that is none of a container comes as it is. */
  take(given: FileLinesAsTheyStand): PlacedLines
  readonly open: readonly OpenLine[]
  /** The line as far as it has come. No more of it is expected. */
  giveUp(line: OpenLine): PlacedLines
}

/**
 * Reads container logs. Runtimes cut a line into parts of 16 KiB, of which those of the other stream may come between; after a rotation the next part is
 * in the next file of the same path. At most `maxLineBytes` of each line are held.
 */
export const createCriReader = (maxLineBytes: number): CriReader => {
  const open = new Map<string, Parts>()
  const keyOf = (path: string, stream: string) => `${stream} ${path}`

  const hold = (parts: Parts, text: Buffer, cutBytes: number) => {
    // A copy: a part must not keep a whole chunk alive.
    const kept = Buffer.from(text.subarray(0, Math.max(0, maxLineBytes - parts.heldBytes)))
    parts.parts.push(kept)
    parts.heldBytes += kept.length
    parts.cutBytes += text.length - kept.length + cutBytes
  }

  return {
    take: ({ path, fileId, lines, offsets, nowMs }) => {
      const { data, starts, ends, flaws, count } = lines
      const out = collectLines(data, maxLineBytes)
      for (let index = 0; index < count; index++) {
        const [start = 0, end = 0, offset = 0, flaw] = [starts[index], ends[index], offsets[index], flaws.get(index)]
        const entry = criEntry(data, start, end)
        if (entry === undefined) {
          out.add({ start, end, offset, stream: undefined, timeMs: nowMs }, flaw)
          continue
        }
        const { stream, textStart, isPart, timeMs } = entry
        const key = keyOf(path, stream)
        const begun = open.get(key)
        if (begun === undefined && !isPart) {
          out.add({ start: textStart, end, offset, stream, timeMs }, flaw)
          continue
        }
        const none = { path, fileId, offset, stream, timeMs, changedMs: nowMs, parts: [], heldBytes: 0, cutBytes: 0 }
        const parts: Parts = begun ?? none
        hold(parts, data.subarray(textStart, end), flaw?.cutBytes ?? 0)
        parts.changedMs = nowMs
        if (isPart) open.set(key, parts)
        else {
          open.delete(key)
          // One that began in the file before has the place of its last part.
          out.addJoined(parts.fileId === fileId ? parts : { ...parts, offset })
        }
      }
      return out.take()
    },
    get open() {
      return [...open.values()]
    },
    giveUp: ({ path, stream }) => {
      const out = collectLines(Buffer.alloc(0), maxLineBytes)
      const parts = open.get(keyOf(path, stream))
      if (parts !== undefined) out.addJoined(parts)
      open.delete(keyOf(path, stream))
      return out.take()
    },
  }
}

interface Place {
  readonly start: number
  readonly end: number
  readonly offset: number
  readonly stream: CriEntry['stream'] | undefined
  readonly timeMs: number
}

/** Collects lines of a buffer, and joined ones, which are put behind it. */
const collectLines = (data: Buffer, maxLineBytes: number) => {
  const places: Place[] = []
  const flaws = new Map<number, LineFlaw>()
  const joined: Buffer[] = []
  let allBytes = data.length

  const add = (place: Place, flaw: LineFlaw | undefined) => {
    const end = Math.min(place.end, place.start + maxLineBytes)
    const cutBytes = place.end - end + (flaw?.cutBytes ?? 0)
    if (cutBytes > 0) flaws.set(places.length, { fault: 'too-long', cutBytes })
    else if (flaw !== undefined) flaws.set(places.length, flaw)
    places.push({ ...place, end })
  }

  return {
    add,
    addJoined: ({ parts, cutBytes, offset, stream, timeMs }: Parts) => {
      const bytes = Buffer.concat(parts)
      const start = allBytes
      joined.push(bytes)
      allBytes += bytes.length
      add({ start, end: allBytes, offset, stream, timeMs }, flawOf(bytes, cutBytes))
    },
    take: (): PlacedLines => ({
      count: places.length,
      data: joined.length === 0 ? data : Buffer.concat([data, ...joined]),
      starts: Uint32Array.from(places, ({ start }) => start),
      ends: Uint32Array.from(places, ({ end }) => end),
      offsets: Float64Array.from(places, ({ offset }) => offset),
      streamOf: Uint8Array.from(places, ({ stream }) => streams.indexOf(stream)),
      timesMs: Float64Array.from(places, ({ timeMs }) => timeMs),
      flaws,
    }),
  }
}

const flawOf = (bytes: Buffer, cutBytes: number): LineFlaw | undefined => {
  if (cutBytes > 0) return { fault: 'too-long', cutBytes }
  return isUtf8(bytes) ? undefined : { fault: 'not-utf8', cutBytes: 0 }
}

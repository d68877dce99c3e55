import { isUtf8 } from 'node:buffer'
import { createColumn } from './column.ts'
import { reusedBuffer } from './reused-buffer.ts'

/** Why a line cannot be shipped as it is; the label of its counter and of its dead letter. */
export type LineFault = 'too-long' | 'not-utf8'

export interface LineFlaw {
  readonly fault: LineFault
  /** Bytes that were cut off; 0 unless the line is too long. */
  readonly cutBytes: number
}

/**
 * Lines that were read together. There may be a thousand in a millisecond, so none has an object of its own: line `i` has the bytes of
 * `data` from `starts[i]` to `ends[i]`.
 */
export interface Lines {
  readonly count: number
  readonly data: Buffer
  readonly starts: Uint32Array
  /** The end of the line, without its terminator. A line that is too long ends after `maxLineBytes` bytes. */
  readonly ends: Uint32Array
  /** The faults of lines that cannot be shipped as they are, by their index. */
  readonly flaws: ReadonlyMap<number, LineFlaw>
}

export interface LineSplitter {
  /** The lines that the chunk completes. They may share its memory, and are what they are until the next call. */
  push(chunk: Buffer): Lines
  /** The last line, where the input did not end in a line feed. */
  end(): Lines
  /** Bytes held of the line that is not complete: never more than `maxLineBytes` + 1. */
  readonly heldBytes: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

const noLines: Lines = {
  count: 0,
  data: Buffer.alloc(0),
  starts: new Uint32Array(),
  ends: new Uint32Array(),
  flaws: new Map(),
}

/**
 * Splits bytes at LF or CRLF, wherever the chunks are cut. A carriage return elsewhere belongs to its line, an empty line is a
 * line. Of a line of more than `maxLineBytes` bytes the rest is counted and not kept.
 */
export const lineSplitter = (maxLineBytes: number): LineSplitter => {
  if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
    throw new RangeError(`maxLineBytes is ${maxLineBytes}: give a whole number, 1 or more`)
  }
  const beginning = lineBeginning(maxLineBytes + 1)
  const places = linePlaces(maxLineBytes)
  const joined = reusedBuffer()

  return {
    push: (chunk) => {
      const first = chunk.indexOf(lineFeed)
      if (first < 0) {
        beginning.hold(chunk)
        return noLines
      }
      let data = chunk
      let from = 0
      if (beginning.seenBytes > 0) {
        beginning.hold(chunk.subarray(0, first))
        const { seenBytes, endsInReturn } = beginning
        const held = beginning.take()
        data = joined.take(held.length + chunk.length - first)
        chunk.copy(data, held.copy(data), first)
        places.add(0, endsInReturn ? seenBytes - 1 : seenBytes)
        from = held.length + 1
      }
      for (let at = data.indexOf(lineFeed, from); at >= 0; at = data.indexOf(lineFeed, from)) {
        places.add(from, (at > from && data[at - 1] === carriageReturn ? at - 1 : at) - from)
        from = at + 1
      }
      beginning.hold(data.subarray(from))
      return places.take(data)
    },
    end: () => {
      const { seenBytes } = beginning
      if (seenBytes === 0) return noLines
      places.add(0, seenBytes)
      return places.take(beginning.take())
    },
    get heldBytes() {
      return beginning.heldBytes
    },
  }
}

/** The beginning of a line whose end was not read yet: its first `keepBytes` bytes, and how many there were. */
const lineBeginning = (keepBytes: number) => {
  let held: Buffer[] = []
  let heldBytes = 0
  let seenBytes = 0
  let last = 0

  return {
    get heldBytes() {
      return heldBytes
    },
    get seenBytes() {
      return seenBytes
    },
    get endsInReturn() {
      return last === carriageReturn
    },
    hold: (part: Buffer) => {
      if (part.length === 0) return
      seenBytes += part.length
      last = part[part.length - 1] ?? 0
      const room = keepBytes - heldBytes
      if (room <= 0) return
      // A copy: a short rest must not keep a whole chunk alive.
      const kept = Buffer.from(part.subarray(0, room))
      held.push(kept)
      heldBytes += kept.length
    },
    /** The bytes that are held, and nothing more. */
    take: (): Buffer => {
      const bytes = Buffer.concat(held)
      held = []
      heldBytes = seenBytes = last = 0
      return bytes
    },
  }
}

/** Collects where the lines of one buffer begin and end. */
const linePlaces = (maxLineBytes: number) => {
  const starts = createColumn(Uint32Array)
  const ends = createColumn(Uint32Array)
  let flaws = new Map<number, LineFlaw>()
  let count = 0

  return {
    /** A line of so many bytes begins there. Its first `maxLineBytes` bytes are in the buffer at least. */
    add: (start: number, lengthBytes: number) => {
      starts.push(start)
      ends.push(start + Math.min(lengthBytes, maxLineBytes))
      if (lengthBytes > maxLineBytes) flaws.set(count, { fault: 'too-long', cutBytes: lengthBytes - maxLineBytes })
      count += 1
    },
    /** The lines that were added, which are in `data`. */
    take: (data: Buffer): Lines => {
      const lines = { count, data, starts: starts.take(), ends: ends.take(), flaws }
      markOtherEncodings(lines, flaws)
      flaws = new Map()
      count = 0
      return lines
    },
  }
}

/** Marks lines that are no UTF-8. A line feed is never part of a longer character: where the whole is UTF-8, each line is. */
const markOtherEncodings = ({ count, data, starts, ends }: Lines, flaws: Map<number, LineFlaw>) => {
  if (isUtf8(data.subarray(0, ends[count - 1]))) return
  for (let index = 0; index < count; index++) {
    if (flaws.has(index) || isUtf8(data.subarray(starts[index], ends[index]))) continue
    flaws.set(index, { fault: 'not-utf8', cutBytes: 0 })
  }
}

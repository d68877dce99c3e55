import { isUtf8 } from 'node:buffer'

/** Why a line cannot be shipped as it is; the label of its counter and of its dead letter. */
export type LineFault = 'too-long' | 'not-utf8'

export interface Line {
  /** Without its terminator. Of a line that is too long, its first `maxLineBytes` bytes. */
  readonly bytes: Uint8Array
  readonly fault?: LineFault | undefined
  /** Bytes that were cut off; 0 unless the line is too long. */
  readonly cutBytes: number
}

export interface LineSplitter {
  /** The lines that the chunk completes. They may share its memory. */
  push(chunk: Uint8Array): Line[]
  /** The last line, where the input did not end in a line feed. */
  end(): Line[]
  /** Bytes held of the line that is not complete: never more than `maxLineBytes` + 1. */
  readonly heldBytes: number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Splits bytes at LF or CRLF, wherever the chunks are cut. A carriage return elsewhere belongs to its line, an empty line is a
 * line. Of a line of more than `maxLineBytes` bytes the rest is counted and not kept.
 */
export const lineSplitter = (maxLineBytes: number): LineSplitter => {
  if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
    throw new RangeError(`maxLineBytes is ${maxLineBytes}: give a whole number, 1 or more`)
  }
  /** One more than a line may have: the last may turn out to be the carriage return of a CRLF. */
  const keepBytes = maxLineBytes + 1
  let held: Uint8Array[] = []
  let heldBytes = 0
  /** Bytes of the line so far, held or not. */
  let seenBytes = 0
  let last = 0

  const hold = (part: Uint8Array) => {
    if (part.length === 0) return
    seenBytes += part.length
    last = part[part.length - 1] ?? 0
    const room = keepBytes - heldBytes
    if (room <= 0) return
    // A copy: a short rest must not keep a whole chunk alive.
    const kept = Uint8Array.from(part.subarray(0, room))
    held.push(kept)
    heldBytes += kept.length
  }

  const line = (bytes: Uint8Array, lengthBytes: number): Line => {
    if (lengthBytes > maxLineBytes) {
      return { bytes: bytes.subarray(0, maxLineBytes), fault: 'too-long', cutBytes: lengthBytes - maxLineBytes }
    }
    const whole = bytes.subarray(0, lengthBytes)
    return { bytes: whole, fault: isUtf8(whole) ? undefined : 'not-utf8', cutBytes: 0 }
  }

  /** The held line, complete now. */
  const take = (terminated: boolean): Line => {
    const bytes = held.length === 1 ? (held[0] ?? new Uint8Array()) : Buffer.concat(held)
    const lengthBytes = terminated && last === carriageReturn ? seenBytes - 1 : seenBytes
    held = []
    heldBytes = seenBytes = last = 0
    return line(bytes, lengthBytes)
  }

  return {
    push: (chunk) => {
      const lines: Line[] = []
      let from = 0
      for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, from)) {
        if (seenBytes === 0) {
          const end = at > from && chunk[at - 1] === carriageReturn ? at - 1 : at
          lines.push(line(chunk.subarray(from, end), end - from))
        } else {
          hold(chunk.subarray(from, at))
          lines.push(take(true))
        }
        from = at + 1
      }
      hold(chunk.subarray(from))
      return lines
    },
    end: () => (seenBytes === 0 ? [] : [take(false)]),
    get heldBytes() {
      return heldBytes
    },
  }
}

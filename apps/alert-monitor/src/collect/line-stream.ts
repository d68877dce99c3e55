const lineFeed = 0x0a

export interface LineStreamOptions {
  /** A longer line is left out. */
  readonly maxLineBytes: number
  /** Whole lines. */
  readonly onLines: (lines: Uint8Array) => void
  /** A line that was too long, once it is known to be. */
  readonly onTooLong: () => void
}

/** Cuts a stream of bytes into lines. */
export interface LineStream {
  push(chunk: Uint8Array): void
  /** The rest is a line, too. */
  end(): void
}

/** An empty stream; it holds less than one line. */
export const createLineStream = ({ maxLineBytes, onLines, onTooLong }: LineStreamOptions): LineStream => {
  let rest: Uint8Array = new Uint8Array()
  let skipping = false

  const keep = (bytes: Uint8Array) => {
    if (!skipping && rest.length + bytes.length > maxLineBytes) {
      skipping = true
      rest = new Uint8Array()
      onTooLong()
    }
    // A copy: the chunk that it is part of may be much longer.
    if (!skipping && bytes.length > 0) rest = Buffer.concat([rest, bytes])
  }

  return {
    push: (chunk) => {
      const first = chunk.indexOf(lineFeed)
      if (first === -1) return keep(chunk)
      keep(chunk.subarray(0, first))
      if (rest.length > 0) onLines(rest)
      rest = new Uint8Array()
      skipping = false
      const last = chunk.lastIndexOf(lineFeed)
      // A line within a chunk that is too long is found by the parser.
      if (last > first) onLines(chunk.subarray(first + 1, last))
      keep(chunk.subarray(last + 1))
    },
    end: () => {
      if (rest.length > 0) onLines(rest)
      rest = new Uint8Array()
    },
  }
}

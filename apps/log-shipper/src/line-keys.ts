import type { Lines } from './lines.ts'

/** How keys are told from lines. */
export interface KeySplit {
  /** At least one byte of UTF-8. */
  readonly delimiter: Buffer
  /** The key of a line without the delimiter; undefined: it has none. */
  readonly otherwise: string | undefined
}

export interface KeyedLines {
  readonly keys: readonly (string | undefined)[]
  /** The start of the body of each line, behind the delimiter. */
  readonly starts: Uint32Array
}

/**
 * Splits each line at its first delimiter: the key is what is before, which may be nothing, the body what follows. A line without the delimiter
 * is all body. The lines have to be UTF-8.
 */
export const splitKeys = (
  { data, starts, ends }: Pick<Lines, 'data' | 'starts' | 'ends'>,
  { delimiter, otherwise }: KeySplit,
): KeyedLines => {
  const bodies = Uint32Array.from(starts)
  const keys: (string | undefined)[] = []
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index] ?? 0
    // The search ends with the line.
    const keyBytes = data.subarray(start, ends[index]).indexOf(delimiter)
    keys.push(keyBytes < 0 ? otherwise : data.toString('utf8', start, start + keyBytes))
    if (keyBytes >= 0) bodies[index] = start + keyBytes + delimiter.length
  }
  return { keys, starts: bodies }
}

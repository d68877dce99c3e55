/** One piece of a file of GeoJSON: a feature, or what stands in its place. */
export interface Piece {
  /** The line of its first character, from 1. */
  readonly line: number
  /**
   * The place of the piece. `features`: an element of `features`. `document`: a whole document without what is in its `features`. `head`:
   * the part before the `features` of a document that has a `crs` there; it ends with the bracket that opens the list.
   */
  readonly of: 'features' | 'document' | 'head'
  /** Undefined when it has more bytes than allowed. */
  readonly text: string | undefined
}

/** The file is cut off or no JSON at all: what follows in it cannot be told apart. */
export class SplitError extends Error {
  override readonly name = 'SplitError'
}

const byteOrderMark = [0xef, 0xbb, 0xbf]
const [newline, space, quote, backslash] = [0x0a, 0x20, 0x22, 0x5c]
const [comma, colon, opensArray, closesArray, opensObject, closesObject] = [0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d]
const featuresKey = 'features'

/** Also RFC 8142's record separator, 0x1e. */
const isBlank = (byte: number): boolean => byte <= space || byteOrderMark.includes(byte)

/**
 * Cuts JSON documents, one or several after the other (each on a line, or as RFC 8142 has them), into features without holding more than
 * one of them: `features` of a collection one by one, a document that is a feature as a whole. It looks at brackets and strings only, so
 * that what is wrong within a feature is for who parses it, and the next one is found. Throws SplitError.
 */
export async function* splitJson(chunks: AsyncIterable<Uint8Array>, maxPieceBytes: number): AsyncGenerator<Piece> {
  const document = collector(maxPieceBytes)
  const element = collector(maxPieceBytes)
  let [line, depth, inString, escaped, inFeatures] = [1, 0, false, false, false]
  let [key, isValue] = ['', false]

  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number
      if (byte === newline) line += 1
      if (depth === 0) {
        if (isBlank(byte)) continue
        if (byte !== opensObject) throw new SplitError(`line ${line}: there is no object of JSON`)
        depth = 1
        document.start(line, chunk, at)
      } else if (inString) {
        if (escaped) escaped = false
        else if (byte === backslash) escaped = true
        // A string cannot hold a line's end: with its closing quote missing, it is over there.
        else if (byte === quote || byte === newline) inString = false
        if (inString && depth === 1 && key.length <= featuresKey.length) key += String.fromCharCode(byte)
      } else if (byte === quote) {
        inString = true
        if (depth === 1) [key, isValue] = ['', false]
        if (inFeatures && depth === 2 && !element.started()) element.start(line, chunk, at)
      } else if (byte === opensObject || byte === opensArray) {
        depth += 1
        if (inFeatures && depth === 3 && !element.started()) element.start(line, chunk, at)
        if (byte === opensArray && depth === 2 && isValue && key === featuresKey) {
          inFeatures = true
          document.pause(chunk, at + 1)
          const head = document.sofar()
          if (head.text?.includes('"crs"') === true) yield { ...head, of: 'head' }
        }
      } else if (byte === closesObject || byte === closesArray) {
        depth -= 1
        if (inFeatures && depth === 1) {
          // The last element was none of brackets, such as a number.
          if (element.started()) yield { ...element.end(chunk, at), of: 'features' }
          inFeatures = false
          document.resume(at)
        } else if (inFeatures && depth === 2) yield { ...element.end(chunk, at + 1), of: 'features' }
        else if (depth === 0) yield { ...document.end(chunk, at + 1), of: 'document' }
      } else if (byte === comma && inFeatures && depth === 2) {
        if (element.started()) yield { ...element.end(chunk, at), of: 'features' }
      } else if (byte === colon && depth === 1) isValue = true
      else if (inFeatures && depth === 2 && byte > space && !element.started()) element.start(line, chunk, at)
    }
    document.keep(chunk)
    element.keep(chunk)
  }
  if (depth > 0) throw new SplitError(`line ${document.line()}: the file ends within what begins here`)
}

/** Lines that are not empty, each one piece: what is wrong in one leaves the others alone. */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxPieceBytes: number): AsyncGenerator<Piece> {
  const piece = collector(maxPieceBytes)
  let line = 1
  let last: Uint8Array = new Uint8Array()
  for await (const chunk of chunks) {
    last = chunk
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number
      if (byte === newline) {
        if (piece.started()) yield { ...piece.end(chunk, at), of: 'document' }
        line += 1
      } else if (!isBlank(byte) && !piece.started()) piece.start(line, chunk, at)
    }
    piece.keep(chunk)
  }
  if (piece.started()) yield { ...piece.end(last, 0), of: 'document' }
}

/** Collects a run of bytes over chunks, up to a bound. */
const collector = (maxBytes: number) => {
  let parts: Uint8Array[] = []
  let [bytes, from, firstLine, running, begun] = [0, 0, 0, false, false]
  const add = (chunk: Uint8Array, end: number) => {
    if (!running) return
    bytes += end - from
    if (bytes <= maxBytes) parts.push(Uint8Array.prototype.slice.call(chunk, from, end))
    else parts = []
    from = 0
  }
  const sofar = () => ({ line: firstLine, text: bytes > maxBytes ? undefined : Buffer.concat(parts).toString() })
  return {
    started: () => begun,
    line: () => firstLine,
    start: (line: number, _chunk: Uint8Array, at: number) => {
      ;[parts, bytes, from, firstLine, running, begun] = [[], 0, at, line, true, true]
    },
    /** Before byte `end` of the chunk. */
    pause: (chunk: Uint8Array, end: number) => {
      add(chunk, end)
      running = false
    },
    sofar,
    /** From byte `at` of the chunk. */
    resume: (at: number) => {
      ;[from, running] = [at, true]
    },
    /** Keeps the rest of the chunk. */
    keep: (chunk: Uint8Array) => add(chunk, chunk.length),
    end: (chunk: Uint8Array, end: number): Pick<Piece, 'line' | 'text'> => {
      add(chunk, end)
      ;[running, begun] = [false, false]
      return sofar()
    },
  }
}

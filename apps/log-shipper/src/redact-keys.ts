import type { Redact } from './secret-patterns.ts'

/**
 * A key of JSON with the colon behind it, also of JSON that stands in a text of JSON, where quotes have backslashes before them: 1, 3, or 7 of
 * them at a depth of 1, 2, or 3. Letters of the key may be written as `\u0041`.
 */
const keyPattern = () => /(\\{0,7})"((?:[^"\\]|\\{1,8}u[\da-f]{4}){1,200})\1"\s*:\s*/gi

const nameOf = (written: string): string =>
  written
    .replace(/\\+u([\da-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .toLowerCase()

const backslashesAt = (depth: number): number => 2 ** depth - 1

/** The depth in which a quote behind so many backslashes ends a text that began at `depth`; undefined where it is part of the text. */
const endsAt = (backslashes: number, depth: number): number | undefined => {
  let rest = backslashes
  for (let level = 0; level <= depth; level++) {
    if (rest % 2 === 0) return level
    rest = (rest - 1) / 2
  }
  return undefined
}

/** Behind the text whose first character is at `from`; before the quote where that ends a text around it. */
export const endOfText = (line: string, from: number, depth: number): number => {
  let backslashes = 0
  for (let at = from; at < line.length; at++) {
    const character = line[at]
    if (character === '\\') {
      backslashes += 1
      continue
    }
    const level = character === '"' ? endsAt(backslashes, depth) : undefined
    if (level !== undefined) return level === depth ? at + 1 : at - backslashesAt(level)
    backslashes = 0
  }
  return line.length
}

/** Behind the object or array that begins at `from`. */
const endOfNested = (line: string, from: number, depth: number): number => {
  let open = 0
  let backslashes = 0
  for (let at = from; at < line.length; at++) {
    const character = line[at]
    if (character === '\\') {
      backslashes += 1
      continue
    }
    if (character === '"') {
      // A quote of the text around it.
      if (backslashes < backslashesAt(depth)) return at - backslashes
      at = endOfText(line, at + 1, depth) - 1
    } else if (character === '{' || character === '[') open += 1
    else if ((character === '}' || character === ']') && --open === 0) return at + 1
    backslashes = 0
  }
  return line.length
}

const plainValue = /[^\s,}\]"\\]*/y

const endOfValue = (line: string, from: number, quote: string, depth: number): number => {
  if (line.startsWith(quote, from)) return endOfText(line, from + quote.length, depth)
  if (line[from] === '{' || line[from] === '[') return endOfNested(line, from, depth)
  plainValue.lastIndex = from
  return from + (plainValue.exec(line)?.[0].length ?? 0)
}

/**
 * Replaces the values of these keys, whatever they are, by the text `[redacted]`. It goes by what stands in the line and not by its syntax, so it also
 * works on JSON that is cut off, or that stands in a line of text. Capitals do not matter.
 */
export const redactKeys = (keys: readonly string[]): Redact => {
  const names = new Set(keys.map((key) => key.toLowerCase()))
  return (line) => {
    const pattern = keyPattern()
    let out = ''
    let done = 0
    for (let found = pattern.exec(line); found !== null; found = pattern.exec(line)) {
      const [whole, backslashes = '', written = ''] = found
      // A seeming key may be the end of a text, and its last quote the first one of a key.
      pattern.lastIndex = found.index + backslashes.length + 1
      if (!names.has(nameOf(written))) continue
      const quote = `${backslashes}"`
      const from = found.index + whole.length
      const end = endOfValue(line, from, quote, Math.floor(Math.log2(backslashes.length + 1)))
      if (end <= from) continue
      out += `${line.slice(done, from)}${quote}[redacted]${quote}`
      done = pattern.lastIndex = end
    }
    return out + line.slice(done)
  }
}

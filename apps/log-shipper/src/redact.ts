import { isUtf8 } from 'node:buffer'
import { isJsonObject } from './json-object.ts'
import type { LineFlaw } from './lines.ts'
import type { NewLines } from './record.ts'
import { endOfText, redactKeys } from './redact-keys.ts'
import { type Redact, type SecretKind, secretPatterns } from './secret-patterns.ts'

export interface RedactOptions {
  /** Keys of JSON whose values are secrets. */
  readonly keys: readonly string[]
  readonly kinds: readonly SecretKind[]
  /** A regular expression of what is secret. */
  readonly pattern?: string | undefined
  /** A line that becomes longer is cut off there. */
  readonly maxLineBytes: number
}

/** Lines without their secrets. */
export type LineRedactor = (lines: NewLines) => NewLines

/** Throws SyntaxError for one that cannot be read, RangeError for one that finds nothing at every place. */
export const secretPattern = (text: string): RegExp => {
  const pattern = new RegExp(text, 'gu')
  if (pattern.test('')) throw new RangeError('it matches the empty text')
  return new RegExp(text, 'gu')
}

/** Undefined where nothing is to be redacted. */
export const lineRedactor = ({ keys, kinds, pattern, maxLineBytes }: RedactOptions): LineRedactor | undefined => {
  const own = pattern === undefined ? undefined : secretPattern(pattern)
  const byPattern: Redact[] = kinds.map((kind) => secretPatterns[kind])
  if (own !== undefined) byPattern.push((text) => text.replace(own, '[redacted]'))
  if (keys.length === 0 && byPattern.length === 0) return undefined
  const withoutKeys = keys.length === 0 ? undefined : redactKeys(keys)
  const withoutPatterns: Redact = (text) => byPattern.reduce((rest, redact) => redact(rest), text)

  const redacted = (bytes: Buffer): Buffer => {
    // Each byte is a character of latin1: bytes that are no UTF-8 stay as they are.
    const encoding = isUtf8(bytes) ? 'utf8' : 'latin1'
    const text = bytes.toString(encoding)
    const rest = withoutKeys?.(text) ?? text
    const clean = isJsonObject(rest === text ? bytes : Buffer.from(rest, encoding))
      ? redactJson(rest, withoutPatterns)
      : withoutPatterns(rest)
    return clean === text ? bytes : Buffer.from(clean, encoding)
  }
  return (lines) => mapLines(lines, redacted, maxLineBytes)
}

const numbers = /-?\d[\d.eE+-]*/g

/** Applies `redact` to each text and number of a line of JSON, which stays JSON. */
const redactJson = (line: string, redact: Redact): string => {
  const number = (digits: string): string => {
    const clean = redact(digits)
    return clean === digits ? digits : JSON.stringify(clean)
  }
  let out = ''
  for (let at = 0; at < line.length;) {
    const open = line.indexOf('"', at)
    out += line.slice(at, open < 0 ? line.length : open).replace(numbers, number)
    if (open < 0) break
    at = endOfText(line, open + 1, 0)
    const written = line.slice(open, at)
    const text = JSON.parse(written) as string
    const clean = redact(text)
    out += clean === text ? written : JSON.stringify(clean)
  }
  return out
}

/** The lines with other bytes. One that becomes longer than `maxLineBytes` is cut off, as a line that comes so is. */
const mapLines = (lines: NewLines, map: (bytes: Buffer) => Buffer, maxLineBytes: number): NewLines => {
  const { count, data, starts, ends } = lines
  const flaws = new Map<number, LineFlaw>(lines.flaws)
  const parts: Buffer[] = []
  let isChanged = false
  for (let index = 0; index < count; index++) {
    const bytes = data.subarray(starts[index], ends[index])
    const mapped = map(bytes)
    isChanged ||= mapped !== bytes
    const excess = mapped.length - maxLineBytes
    if (excess > 0) flaws.set(index, { fault: 'too-long', cutBytes: excess + (flaws.get(index)?.cutBytes ?? 0) })
    parts.push(mapped.subarray(0, maxLineBytes))
  }
  if (!isChanged) return lines
  const newEnds = new Uint32Array(count)
  let end = 0
  for (const [index, part] of parts.entries()) newEnds[index] = end += part.length
  const newStarts = newEnds.map((each, index) => each - (parts[index]?.length ?? 0))
  return { ...lines, data: Buffer.concat(parts), starts: newStarts, ends: newEnds, flaws }
}

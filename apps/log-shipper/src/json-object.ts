import { isUtf8 } from 'node:buffer'

/** Deeper nesting is refused by some reader: .NET and Ruby by default, databases by the size of their stack. */
const maxDepth = 64
/** The exponents of a double. */
const maxExponent = 308
const maxDigits = 1_000

/** The scanners below answer the place behind what they read, or this. */
const none = -1

/**
 * Whether the bytes from `start` to `end` are a JSON object that any reader takes as it is: in UTF-8 without a byte order mark, with no
 * other white space around it than that of RFC 8259 (space, tab, line feed, carriage return), nested at most 64 deep, without an escaped NUL,
 * without half a surrogate pair, and without a number beyond a double. PostgreSQL's jsonb refuses each of the last four, `JSON.parse`
 * takes them. Reads the bytes alone, since it is asked of every line.
 */
export const isJsonObject = (data: Buffer, start = 0, end = data.length): boolean => {
  isAscii = true
  return isPortableObject(data, start, end) && (isAscii || isUtf8(data.subarray(start, end)))
}

/** Whether the strings of the object that is being read have been in ASCII so far. What is not in a string is. */
let isAscii = true

const isPortableObject = (data: Buffer, start: number, end: number): boolean => {
  let at = afterSpace(data, start, end)
  if (at >= end || data[at] !== openBrace) return false
  let depth = 0
  for (;;) {
    // A value begins here.
    const first = data[at] ?? 0
    const opens = at < end && (first === openBrace || first === openBracket)
    if (opens) {
      if (depth === maxDepth) return false
      closers[depth++] = first === openBrace ? closeBrace : closeBracket
      at = afterSpace(data, at + 1, end)
    } else {
      at = afterScalar(data, at, end)
      if (at === none) return false
    }
    // After it come the ends of the objects and lists around it, then a comma.
    for (let isEmpty = opens; ; isEmpty = false) {
      if (!isEmpty) at = afterSpace(data, at, end)
      if (at < end && data[at] === closers[depth - 1]) {
        at += 1
        depth -= 1
        if (depth > 0) continue
        return afterSpace(data, at, end) === end
      }
      if (!isEmpty) {
        if (at >= end || data[at] !== comma) return false
        at = afterSpace(data, at + 1, end)
      }
      break
    }
    if (closers[depth - 1] === closeBrace) at = afterName(data, at, end)
    if (at === none) return false
  }
}

/** The characters that close what is open, the outermost first. */
const closers = new Uint8Array(maxDepth)

const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
const [quote, backslash, colon, comma, minus, point, zero, nine] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d, 0x2e, 0x30, 0x39]

const afterSpace = (data: Buffer, start: number, end: number): number => {
  let at = start
  while (at < end && isSpace(data[at])) at += 1
  return at
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d

/** The name of a member, with its colon. */
const afterName = (data: Buffer, start: number, end: number): number => {
  const name = afterString(data, start, end)
  if (name === none) return none
  const at = afterSpace(data, name, end)
  return at < end && data[at] === colon ? afterSpace(data, at + 1, end) : none
}

const afterScalar = (data: Buffer, at: number, end: number): number => {
  if (at >= end) return none
  switch (data[at]) {
    case quote:
      return afterString(data, at, end)
    case 0x74:
      return afterWord(data, at, end, words.true)
    case 0x66:
      return afterWord(data, at, end, words.false)
    case 0x6e:
      return afterWord(data, at, end, words.null)
    default:
      return afterNumber(data, at, end)
  }
}

const words = { true: Buffer.from('true'), false: Buffer.from('false'), null: Buffer.from('null') }

const afterWord = (data: Buffer, start: number, end: number, word: Buffer): number => {
  const after = start + word.length
  return after <= end && data.compare(word, 0, word.length, start, after) === 0 ? after : none
}

/** What a byte is in a string: a character of ASCII, part of another one, or what ends the string, escapes or is refused. */
const [asciiByte, wideByte, otherByte] = [0, 1, 2]
const stringBytes = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x20 || byte === quote || byte === backslash) return otherByte
  return byte < 0x80 ? asciiByte : wideByte
})

/** A string, without an escaped NUL and without half a surrogate pair. */
const afterString = (data: Buffer, start: number, end: number): number => {
  if (start >= end || data[start] !== quote) return none
  let at = start + 1
  while (at < end) {
    const byte = data[at] ?? 0
    const kind = stringBytes[byte]
    if (kind === asciiByte) at += 1
    else if (kind === wideByte) {
      isAscii = false
      at += 1
    } else if (byte === quote) return at + 1
    else {
      at = byte === backslash ? afterEscape(data, at, end) : none
      if (at === none) return none
    }
  }
  return none
}

const letterU = 0x75
const shortEscapes = new Set(Buffer.from('"\\/bfnrt'))

const afterEscape = (data: Buffer, start: number, end: number): number => {
  if (start + 1 >= end) return none
  const letter = data[start + 1] ?? 0
  if (letter !== letterU) return shortEscapes.has(letter) ? start + 2 : none
  const unit = escapedUnit(data, start, end)
  const after = start + escapedUnitBytes
  if (isBetween(unit, 0xd800, 0xdbff)) {
    const isPair = isBetween(escapedUnit(data, after, end), 0xdc00, 0xdfff)
    return isPair ? after + escapedUnitBytes : none
  }
  return unit <= 0 || isBetween(unit, 0xdc00, 0xdfff) ? none : after
}

const escapedUnitBytes = '\\u0000'.length

/** The code unit of an escape such as `\u00e9`, or -1 where there is none. */
const escapedUnit = (data: Buffer, start: number, end: number): number => {
  if (start + escapedUnitBytes > end || data[start] !== backslash || data[start + 1] !== letterU) return none
  const digits = data.toString('latin1', start + 2, start + escapedUnitBytes)
  return /^[\da-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : none
}

const isBetween = (value: number, least: number, most: number): boolean => value >= least && value <= most

/** No number of so few characters and so few digits in its exponent is beyond a double. */
const [surelyFewCharacters, surelyFewExponentDigits] = [200, 2]

/** A number that is within a double. */
const afterNumber = (data: Buffer, start: number, end: number): number => {
  const first = data[start] === minus ? start + 1 : start
  let at = afterDigits(data, first, end)
  if (at === first || (data[first] === zero && at > first + 1)) return none
  if (at < end && data[at] === point) {
    const fraction = at + 1
    at = afterDigits(data, fraction, end)
    if (at === fraction) return none
  }
  let exponentDigits = 0
  if (at < end && (data[at] === 0x65 || data[at] === 0x45)) {
    const sign = data[at + 1]
    const digits = at + (sign === minus || sign === 0x2b ? 2 : 1)
    at = afterDigits(data, digits, end)
    exponentDigits = at - digits
    if (exponentDigits <= 0) return none
  }
  const isSurely = at - start <= surelyFewCharacters && exponentDigits <= surelyFewExponentDigits
  return isSurely || isPortableNumber(data.toString('latin1', start, at)) ? at : none
}

const afterDigits = (data: Buffer, start: number, end: number): number => {
  let at = start
  while (at < end && isBetween(data[at] ?? 0, zero, nine)) at += 1
  return at
}

const isPortableNumber = (token: string): boolean => {
  const exponent = Number(/e([+-]?\d+)$/i.exec(token)?.[1] ?? 0)
  return Number.isFinite(Number(token)) && Math.abs(exponent) <= maxExponent && token.length <= maxDigits
}

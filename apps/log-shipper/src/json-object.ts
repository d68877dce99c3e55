import { isUtf8 } from 'node:buffer'

/** Deeper nesting is refused by some reader: .NET and Ruby by default, databases by the size of their stack. */
const maxDepth = 64
/** The exponents of a double. */
const maxExponent = 308
const maxDigits = 1_000

/**
 * Whether the bytes are a JSON object that any reader takes as it is: in UTF-8 without a byte order mark, with no other white space
 * around it than that of RFC 8259 (space, tab, line feed, carriage return), nested at most 64 deep, without an escaped NUL, without
 * half a surrogate pair, and without a number beyond a double. PostgreSQL's jsonb refuses each of the last four, `JSON.parse` takes them.
 */
export const isJsonObject = (bytes: Uint8Array): boolean => {
  if (!isUtf8(bytes)) return false
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  if (!/^[ \t\n\r]*\{/.test(text)) return false
  try {
    JSON.parse(text)
  } catch {
    return false
  }
  return (!mayBeUnportable.test(text) && opensAtMost(text, maxDepth)) || isPortable(text)
}

/** Cheap, and true of each text that is not portable for an escape or a number. */
const mayBeUnportable = /\\u(?:0000|d[89a-f])|\d[eE][+-]?\d{3}|[\d.]{300}/i

const opensAtMost = (text: string, limit: number): boolean => {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if ((code === openBrace || code === openBracket) && ++count > limit) return false
  }
  return true
}

const openBrace = 0x7b
const openBracket = 0x5b

/** Reads the tokens of a text that is JSON. The parsed value does not do: of two members with one name it holds the last only. */
const isPortable = (text: string): boolean => {
  let depth = 0
  for (let at = 0; at < text.length;) {
    const char = text.charAt(at)
    if (char === '"') {
      const end = endOfString(text, at)
      if (!isPortableString(text.slice(at + 1, end))) return false
      at = end + 1
    } else if (/[-\d]/.test(char)) {
      numberToken.lastIndex = at
      const [token = char] = numberToken.exec(text) ?? []
      if (!isPortableNumber(token)) return false
      at += token.length
    } else {
      if (char === '{' || char === '[') depth += 1
      if (char === '}' || char === ']') depth -= 1
      if (depth > maxDepth) return false
      at += 1
    }
  }
  return true
}

const numberToken = /[-+.\deE]+/y

/** Where the closing quote stands. */
const endOfString = (text: string, start: number): number => {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

/** Of a string its characters and escapes, between the quotes. */
const isPortableString = (content: string): boolean => {
  if (!content.includes('\\u')) return true
  const value = JSON.parse(`"${content}"`) as string
  return value.isWellFormed() && !value.includes('\0')
}

const isPortableNumber = (token: string): boolean => {
  const exponent = Number(/e([+-]?\d+)$/i.exec(token)?.[1] ?? 0)
  return Number.isFinite(Number(token)) && Math.abs(exponent) <= maxExponent && token.length <= maxDigits
}

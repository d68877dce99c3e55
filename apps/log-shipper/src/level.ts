/** The levels that a line may have; the first one is of a line that does not tell. */
export const levels = [undefined, 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

const words: Readonly<Record<string, number>> = {
  ...{ trace: 1, verbose: 1, debug: 2, info: 3, information: 3, informational: 3, notice: 3 },
  ...{ warn: 4, warning: 4, error: 5, err: 5, severe: 5 },
  ...{ fatal: 6, critical: 6, crit: 6, alert: 6, emerg: 6, emergency: 6, panic: 6 },
}

const name = Buffer.from('"level"')
const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\{}[]')
const [colon, comma, zero, nine, space, tab, lineFeed, carriageReturn] = Buffer.from(':,09 \t\n\r')
/** Up to two words of a time may stand before the word: `2026-11-30 09:00:00,123 [ERROR] text`. */
const textWord = /^\s*(?:[[(<]?\d\S{0,40}\s+){0,2}[[(<]?([a-z]{3,13})(?=[\s\])>:|,-]|$)/i
const textWordBytes = 80

/** Answers the index in `levels` of the line from `start` to `end`. Lines are asked for in order. */
export type LevelFinder = (start: number, end: number, isJson: boolean) => number

/**
 * Finds the levels of lines: of a JSON object its member `level`, a word or the number of pino (10 = trace to 60 = fatal); of another line the
 * word at its beginning.
 */
export const levelFinder = (data: Buffer): LevelFinder => {
  /** The place of the next `"level"`. Lines without one are not searched again. */
  let next = -1

  const after = (from: number): number => {
    const found = data.indexOf(name, from)
    return found < 0 ? Infinity : found
  }

  const jsonLevel = (start: number, end: number): number => {
    // Most loggers write it first.
    if (next < start) next = isAt(name, data, start + 1) ? start + 1 : after(start)
    while (next < end) {
      if (isMember(data, start, next)) {
        const level = valueLevel(data, next + name.length, end)
        if (level > 0) return level
      }
      next = after(next + 1)
    }
    return 0
  }

  return (start, end, isJson) => {
    if (isJson) return jsonLevel(start, end)
    const [, word = ''] = textWord.exec(data.toString('latin1', start, Math.min(end, start + textWordBytes))) ?? []
    return levelOf(word)
  }
}

const levelOf = (word: string): number => {
  const lower = word.toLowerCase()
  return Object.hasOwn(words, lower) ? (words[lower] ?? 0) : 0
}

const isAt = (bytes: Uint8Array, data: Buffer, at: number): boolean => {
  for (let index = 0; index < bytes.length; index++) if (data[at + index] !== bytes[index]) return false
  return true
}

/** The level of the member whose name ends there: a word, or a number of two digits. 0 where it has another value. */
const valueLevel = (data: Buffer, nameEnd: number, end: number): number => {
  const at = afterSpace(data, nameEnd, end)
  if (data[at] !== colon) return 0
  const value = afterSpace(data, at + 1, end)
  if (data[value] === quote) return wordLevel(data, value + 1)
  const [first = 0, second = 0] = [data[value], data[value + 1]]
  const close = data[afterSpace(data, value + 2, end)]
  const isNumber = isDigit(first) && isDigit(second) && (close === comma || close === closeBrace)
  return isNumber ? pinoLevel(first - Number(zero)) : 0
}

const afterSpace = (data: Buffer, start: number, end: number): number => {
  let at = start
  for (; at < end; at++) {
    const byte = data[at]
    if (byte !== space && byte !== tab && byte !== lineFeed && byte !== carriageReturn) break
  }
  return at
}

const isDigit = (byte: number): boolean => byte >= Number(zero) && byte <= Number(nine)

const encodedWords = Object.entries(words).map(([word, level]) => ({ bytes: Buffer.from(word), level }))
/** The bit that tells a small letter from a capital one. */
const smallBit = 0x20

/** The level of the word that begins there and ends with a quote. Asked of every line, so no text is made of it. */
const wordLevel = (data: Buffer, start: number): number => {
  for (const { bytes, level } of encodedWords) {
    let length = 0
    while (length < bytes.length && ((data[start + length] ?? 0) | smallBit) === bytes[length]) length += 1
    if (length === bytes.length && data[start + length] === quote) return level
  }
  return 0
}

/** The level by the first digit of a number of pino. */
const pinoLevel = (tens: number): number => (tens < levels.length ? tens : 0)

/** Whether a text that begins at `at` is in the object that begins the line, and not in one within. */
const isMember = (data: Buffer, start: number, at: number): boolean => {
  let depth = 0
  for (let place = start; place < at; place++) {
    const byte = data[place]
    if (byte === quote) {
      for (place++; place < at && data[place] !== quote; place++) if (data[place] === backslash) place++
      if (place >= at) return false
    } else if (byte === openBrace || byte === openBracket) depth += 1
    else if (byte === closeBrace || byte === closeBracket) depth -= 1
  }
  return depth === 1
}

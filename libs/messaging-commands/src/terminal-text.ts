/** Characters that could steer a terminal: control characters but line feed and tab, and those that turn the direction of writing. */
const steering = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu

/** The text as a terminal may show it: what could steer it is written as `\u001b`. */
export const printable = (text: string): string =>
  text.replaceAll(steering, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)

/** The same on one line, at most so many characters. */
export const oneLine = (text: string, mostChars: number): string => {
  const line = printable(text.replaceAll(/\s+/g, ' ').trim())
  return line.length <= mostChars ? line : `${line.slice(0, mostChars - 3).toWellFormed()}...`
}

/** A body as text where it is text in UTF-8, else in base64. */
export interface ShownBody {
  readonly body: string
  readonly encoding: 'text' | 'base64'
  /** The size of the whole. */
  readonly bytes: number
  /** Whether `body` is only its beginning. */
  readonly truncated: boolean
}

/** At most `mostBytes` of the body. */
export const shownBody = (body: Uint8Array, mostBytes: number): ShownBody => {
  const truncated = body.byteLength > mostBytes
  const text = textOf(body.subarray(0, mostBytes), truncated)
  const shown = { bytes: body.byteLength, truncated }
  return text === undefined
    ? { body: Buffer.from(body.subarray(0, mostBytes)).toString('base64'), encoding: 'base64', ...shown }
    : { body: text, encoding: 'text', ...shown }
}

/** Half a character at the place of a cut is left out. */
const textOf = (bytes: Uint8Array, truncated: boolean): string | undefined => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: truncated })
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/** A time in ISO 8601, `-` for none. */
export const iso = (date: Date | undefined): string => date?.toISOString() ?? '-'

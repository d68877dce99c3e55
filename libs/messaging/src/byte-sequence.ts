/**
 * Bytes as ASCII text, where only text can be carried: a Byte Sequence of structured fields for HTTP (RFC 8941, section 3.3.5), which is
 * Base64 between colons.
 */
export const byteSequence = (bytes: Uint8Array): string =>
  `:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}:`

const shape = /^:(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?:$/

/** The inverse; undefined where the text is none. */
export const bytesOfSequence = (text: string): Buffer | undefined =>
  shape.test(text) ? Buffer.from(text.slice(1, -1), 'base64') : undefined

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text that is exactly these bytes in UTF-8; undefined where there is none. */
export const exactText = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

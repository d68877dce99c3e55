/**
 * The percent-encoding of header values of the CloudEvents bindings to HTTP and NATS, section 3.1.3.2: everything outside U+0021 to
 * U+007E, and `"` and `%`, as UTF-8.
 */
const encoded = /[^\u0021-\u007e]|["%]/gu

const needsNone = /^[\u0021-\u007e]*$/

/** The value has to be well-formed UTF-16. */
export const percentEncoded = (value: string): string => {
  if (needsNone.test(value) && !value.includes('"') && !value.includes('%')) return value
  return value.replaceAll(encoded, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

/** The inverse, which also takes quoted strings (RFC 7230, section 3.2.6); undefined where it is not UTF-8. */
export const percentDecoded = (value: string): string | undefined => {
  const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"')
  const text = quoted ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const plain = /^(?:[\u0021-\u007e]+(?: +[\u0021-\u007e]+)*)?$/

/** For headers that are no attributes: encoded only where it has to be, so that ordinary ones stay as others expect them. */
export const encodedWhereNeeded = (value: string): string =>
  plain.test(value) && !value.includes('%') ? value : percentEncoded(value)

/** The inverse. What was not encoded so stays as it is. */
export const decodedWherePossible = (value: string): string => {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Names of HTTP and NATS headers (RFC 7230, section 3.2.6). */
export const isToken = (name: string): boolean => /^[\w!#$%&'*+.^`|~-]+$/.test(name)

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { byteSequence, bytesOfSequence } from './byte-sequence.ts'
import { isToken } from './header-encoding.ts'
import { put, type TextRecord } from './text-record.ts'

/**
 * Prefix of the headers that keep what a message came with and could not have: an invalid attribute, a time out of range, a name that not
 * every broker carries (percent-encoded), the bytes of a value that is not UTF-8 (as a byte sequence of RFC 8941).
 */
export const rawHeaderPrefix = 'dlt-raw-'
export const rawIdHeader = `${rawHeaderPrefix}id`
export const rawTimeHeader = `${rawHeaderPrefix}time`
/** All headers of NATS that its client cannot read. */
export const rawNatsHeader = `${rawHeaderPrefix}nats-headers`
/** The prefix of a CloudEvent's attributes among headers that are bytes. */
const attributePrefix = 'ce_'
/** These stand for no header of the message. */
const notRenamed: ReadonlySet<string> = new Set([rawIdHeader, rawTimeHeader, rawNatsHeader])

/** AMQP's short strings have 255, and the driver may add a prefix. */
const longestNameBytes = 200
/** After the prefix, for a name that is too long: the hash of it. The value begins with the name, percent-encoded, and a space. */
const longNameMark = '~'

/** Names that stand for an attribute of a CloudEvent on some protocol. Such a header may be of another event, or just have such a name. */
const mayBeAttribute = /^(?:source|type|content-type|ce[-_].*|cloudevents[:_].*)$/s
/** Headers of servers that clients may not write. */
const serversOwn = /^nats-/

const isCarried = (name: string): boolean =>
  name === name.toLowerCase() &&
  isToken(name) &&
  name.length <= longestNameBytes &&
  !mayBeAttribute.test(name) &&
  !serversOwn.test(name)

/** In lower case, and a token of HTTP. It never begins with the mark of a long name. */
const encodedName = (name: string): string =>
  encodeURIComponent(name.toWellFormed())
    .replaceAll(/[()]|^~/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
    .toLowerCase()

/**
 * Headers that every broker carries: others are renamed, with `dlt-raw-` before their percent-encoded names. `restoredHeaders` is the
 * inverse.
 */
export const carriedHeaders = (headers: TextRecord): TextRecord => {
  const carried: Record<string, string> = {}
  for (const name in headers) {
    const value = (headers[name] ?? '').toWellFormed()
    if (isCarried(name)) {
      put(carried, name, value)
      continue
    }
    const encoded = encodedName(name)
    if (encoded.length <= longestNameBytes) {
      // The bytes of the value, which are there already, say more.
      carried[rawHeaderPrefix + encoded] ??= headers[rawHeaderPrefix + name] ?? value
      continue
    }
    const hash = createHash('sha256').update(name).digest('hex').slice(0, 32)
    carried[`${rawHeaderPrefix}${longNameMark}${hash}`] = `${encoded} ${value}`
  }
  return carried
}

/** The name and value that a raw header stands for; undefined where it is none. */
const original = (name: string, value: string): readonly [name: string, value: string] | undefined => {
  if (!name.startsWith(rawHeaderPrefix) || notRenamed.has(name)) return undefined
  const isLong = name.startsWith(longNameMark, rawHeaderPrefix.length)
  const space = isLong ? value.indexOf(' ') : -1
  if (isLong && space < 0) return undefined
  try {
    const encoded = isLong ? value.slice(0, space) : name.slice(rawHeaderPrefix.length)
    return [decodeURIComponent(encoded), isLong ? value.slice(space + 1) : value]
  } catch {
    return undefined
  }
}

/** Whether `restoredHeaders` would give the header another name. */
export const standsForOther = (headers: TextRecord, name: string): boolean => {
  const restored = original(name, headers[name] ?? '')
  return restored !== undefined && !Object.hasOwn(headers, restored[0])
}

/** Headers with their own names again, those excepted for which `isTaken` says that the message cannot have them. */
export const restoredHeaders = (headers: TextRecord, isTaken: (name: string, value: string) => boolean): TextRecord => {
  const restored: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name] ?? ''
    const [ownName, ownValue] = original(name, value) ?? [name, value]
    const isOwn = ownName === name || Object.hasOwn(headers, ownName) || isTaken(ownName, ownValue)
    put(restored, isOwn ? name : ownName, isOwn ? value : ownValue)
  }
  return restored
}

/** The header that keeps the bytes of a header that is no UTF-8. */
export const rawBytesHeader = (name: string, bytes: Uint8Array): readonly [name: string, value: string] => [
  rawHeaderPrefix + name,
  byteSequence(bytes),
]

/**
 * For protocols whose headers are bytes: the headers as they are written, those that came as bytes that are no UTF-8 as these bytes again,
 * as long as their text was not changed.
 */
export const nativeHeaders = (headers: TextRecord): Readonly<Record<string, string | Buffer>> => {
  let native: Record<string, string | Buffer> | undefined
  for (const name in headers) {
    if (!name.startsWith(rawHeaderPrefix)) continue
    const own = name.slice(rawHeaderPrefix.length)
    // An attribute of the event is text; the bytes are those of a header that had its name.
    if (own.startsWith(attributePrefix)) continue
    const bytes = Object.hasOwn(headers, own) ? bytesOfSequence(headers[name] ?? '') : undefined
    if (bytes === undefined || isUtf8(bytes) || bytes.toString() !== headers[own]) continue
    native ??= Object.assign(Object.create(null) as object, headers)
    native[own] = bytes
    delete native[name]
  }
  return native ?? headers
}

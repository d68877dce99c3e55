import { isUtf8 } from 'node:buffer'
import { encodeBinary } from '@armature/messaging-kit/cloud-events'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { Message } from '@armature/messaging/message'
import type { StartPosition } from '@armature/messaging/ports'
import type { Position } from '@armature/messaging/position'
import { nativeHeaders } from '@armature/messaging/raw-headers'
import { receivedTime, type ReceivedTime } from '@armature/messaging/received-time'
import { bufferOf } from './codec.ts'

/**
 * An entry has a field for each attribute of the CloudEvent, named as in the Kafka binding (`ce_id`, `ce_source`, ..., `content-type`), one
 * for each other header under its name, and the field `body`. A header that would be taken for the body gets the prefix `header:`.
 */
const bodyField = 'body'
const escapePrefix = 'header:'

/** The fields and values of an entry. Throws UnencodableError. */
export const encodeEntry = (message: Message, source: string): (string | Buffer)[] => {
  const { headers, body } = encodeBinary(message, { style: 'kafka', source })
  const fields: (string | Buffer)[] = []
  const native = nativeHeaders(headers)
  for (const name in native) {
    const isEscaped = name === bodyField || name.startsWith(escapePrefix)
    fields.push(isEscaped ? escapePrefix + name : name, native[name] ?? '')
  }
  fields.push(bodyField, bufferOf(body))
  return fields
}

/** An entry of a stream. The fields are undefined where it was deleted meanwhile. */
export type Entry = readonly [id: Buffer, fields: readonly Buffer[] | null]

/** The message that an entry holds. An entry without the field `body` is foreign: its fields are headers, and the body is empty. */
export const decodeEntry = (topic: string, id: string, fields: readonly Buffer[]): DecodedMessage => {
  // It has no prototype, since a header may be named like a property of one.
  const headers = Object.create(null) as Record<string, string | Buffer>
  let body: Buffer = noBody
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = sameText(at, fields[at] ?? noBody)
    const value = fields[at + 1] ?? noBody
    if (name === bodyField) body = value
    else headers[unescaped(name)] = alike.has(name) && isUtf8(value) ? sameText(at + 1, value) : textOrBytes(value)
  }
  return decodeReceived({ topic, headers, body, ...timeOf(id), fallbackId: `${topic}+0+${id}` }, 'kafka')
}

const textOrBytes = (bytes: Buffer): string | Buffer => {
  const text = bytes.toString()
  return text.includes('\ufffd') && !isUtf8(bytes) ? bytes : text
}

const noBody = Buffer.alloc(0)

const unescaped = (name: string): string => (name.startsWith(escapePrefix) ? name.slice(escapePrefix.length) : name)

/** Attributes that have the same value in most entries. */
const alike: ReadonlySet<string> = new Set(['ce_specversion', 'ce_source', 'ce_type', 'content-type'])

/** The text of these bytes. Entries mostly have the same field in the same place: the same string again costs a third of a new one. */
const sameText = (at: number, bytes: Buffer): string => {
  const known = latest[at]
  if (known !== undefined && isSame(known.bytes, bytes)) return known.text
  const text = bytes.toString()
  if (at < mostRemembered && bytes.byteLength <= longestRememberedBytes)
    latest[at] = { bytes: Buffer.from(bytes), text }
  return text
}

const latest: ({ readonly bytes: Buffer; readonly text: string } | undefined)[] = []
const mostRemembered = 64
const longestRememberedBytes = 256

const isSame = (one: Buffer, other: Buffer): boolean => {
  const { length } = one
  if (length !== other.length) return false
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return false
  return true
}

/** Entries in a millisecond that offsets tell apart: a third of what one Redis can take, until the year 2109. */
const perMs = 2048
const idShape = /^(\d{1,20})-(\d{1,20})$/

/** When the server stored the entry, by its id. */
export const storedAt = (id: string): Date => timeOf(id).receivedAt

/** The time that an id names. A client may have chosen the id, so that it may be no time. */
const timeOf = (id: string): ReceivedTime => receivedTime(Number(id.slice(0, id.indexOf('-'))), id)

/** An id `<ms>-<sequence>` as one number, ms x 2,048 + sequence; undefined where that is not exact, as with ids that a client chose. */
export const positionOf = (id: string): Position | undefined => {
  const at = id.indexOf('-')
  const ms = Number(id.slice(0, at))
  const sequence = Number(id.slice(at + 1))
  const offset = ms * perMs + sequence
  return sequence < perMs && Number.isSafeInteger(offset) ? { partition: 0, offset } : undefined
}

/** The id after which to read, for a start; `$` for the end. */
export const startAfter = (from: StartPosition): string => {
  if (from === 'latest') return '$'
  if (from === 'earliest') return '0-0'
  if ('time' in from) return idBefore(`${Math.max(0, from.time.getTime())}-0`)
  return idBefore(`${Math.floor(from.offset / perMs)}-${from.offset % perMs}`)
}

const lastSequence = 2n ** 64n - 1n

/** The greatest id below this one. */
export const idBefore = (id: string): string => {
  const [, ms = '0', sequence = '0'] = idShape.exec(id) ?? []
  if (BigInt(sequence) > 0n) return `${ms}-${BigInt(sequence) - 1n}`
  return BigInt(ms) > 0n ? `${BigInt(ms) - 1n}-${lastSequence}` : '0-0'
}

/** Whether `one` comes before `other`. */
export const isBefore = (one: string, other: string): boolean => {
  const [, ms1 = '0', sequence1 = '0'] = idShape.exec(one) ?? []
  const [, ms2 = '0', sequence2 = '0'] = idShape.exec(other) ?? []
  return ms1 === ms2 ? BigInt(sequence1) < BigInt(sequence2) : BigInt(ms1) < BigInt(ms2)
}

import { byteSequence, bytesOfSequence } from './byte-sequence.ts'
import { UnrecoverableError } from './errors.ts'
import { bytesOfKey, receivedKey, standsForBytes } from './message-key.ts'
import type { Message } from './message.ts'
import { rawTimeHeader } from './raw-headers.ts'
import { isEventTime, type ReceivedTime } from './received-time.ts'
import { put, type TextRecord } from './text-record.ts'

/** Why something is no CloudEvent 1.0. */
export type CloudEventFault =
  | 'missing-attribute'
  | 'bad-attribute'
  | 'unsupported-version'
  | 'unsupported-format'
  | 'bad-header'
  | 'bad-json'
  | 'bad-data'

/** The received message is no CloudEvent, and will not be one when it comes again. Its `reason` is `undecodable`. */
export class UndecodableError extends UnrecoverableError {
  override readonly name = 'UndecodableError'
  readonly code: CloudEventFault

  constructor(code: CloudEventFault, problem: string, options?: { cause?: unknown }) {
    super('undecodable', `no CloudEvent: ${problem}`, options)
    this.code = code
  }
}

/** A message that cannot be written as a CloudEvent: a fault of who made it. */
export class UnencodableError extends Error {
  override readonly name = 'UnencodableError'
  readonly code: CloudEventFault

  constructor(code: CloudEventFault, problem: string) {
    super(`the message cannot be a CloudEvent: ${problem}`)
    this.code = code
  }
}

/** A CloudEvent without its data, and the headers beside it that are no attributes. */
export interface Envelope {
  /** Canonical string values by name, `datacontenttype` and `partitionkey` included. */
  readonly attributes: TextRecord
  readonly others: TextRecord
}

const required = ['specversion', 'id', 'source', 'type'] as const

/** The extension that holds the bytes of a key that `partitionkey` cannot, as a byte sequence. */
export const keyAttribute = 'armaturekey'
/** The extension that says, as `true`, that there is no value. */
export const tombstoneAttribute = 'armaturetombstone'

/** Attributes that a message has fields for, so that no header stands for them. */
const fields: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'time',
  'partitionkey',
  'datacontenttype',
  'data',
  keyAttribute,
  tombstoneAttribute,
])

const core: ReadonlySet<string> = new Set([...required, 'datacontenttype', 'dataschema', 'subject', 'time'])

const attributeName = /^[a-z0-9]+$/
const printableAscii = /^[\u0020-\u007e]*$/
/** Control characters, noncharacters, lone surrogates. */
const disallowed = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u
const disallowedAnywhere = new RegExp(disallowed, 'gu')
const uriReference = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[\da-f]{2})+$/i
const absoluteUri = /^[a-z][a-z\d+.-]*:./i
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/
const timestamp = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/** Whether a CloudEvent can have the id. */
export const isEventId = (id: string): boolean => problemOf('id', id) === undefined

/** Whether a CloudEvent can have the attribute of a header with this name. */
export const canBeHeader = (name: string, value: string): boolean =>
  problemOf(name === 'content-type' ? 'datacontenttype' : name, value) === undefined

/** Whether a header of this name is an attribute: it has an attribute's name, and no field of the message stands for it. */
export const isHeaderAttribute = (name: string): boolean => attributeName.test(name) && !fields.has(name)

/** Attributes of the core specification, which are no Booleans and no Integers. */
export const isCoreAttribute = (name: string): boolean => core.has(name)

const longestShown = 100

const shown = (value: string): string => {
  const text = JSON.stringify(value.slice(0, longestShown))
  return value.length > longestShown ? `${text}...` : text
}

/** The last time that was read, and the last that was written: events come in bursts. */
let lastRead = { text: '', ms: NaN }
let lastWritten = { text: '', ms: NaN }

/** RFC 3339, in whole milliseconds; undefined where it is not. */
const parseTime = (text: string): Date | undefined => {
  if (text === lastRead.text) return new Date(lastRead.ms)
  const date = dateOf(text)
  if (date !== undefined) lastRead = { text, ms: date.getTime() }
  return date
}

/** A leap second is the second after it. */
const dateOf = (text: string): Date | undefined => {
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] =
    timestamp.exec(text) ?? []
  if (year === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.padEnd(3, '0').slice(0, 3)))
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000
  return new Date(date.getTime() + (sign === '-' ? offsetMs : -offsetMs))
}

/** The problem of an attribute's value; undefined if there is none. */
const problemOf = (name: string, value: string): string | undefined => {
  if (!printableAscii.test(value) && disallowed.test(value))
    return 'holds a control character, a noncharacter or half a surrogate pair'
  switch (name) {
    case 'id':
    case 'type':
    case 'subject':
    case 'partitionkey':
      return value === '' ? 'is empty' : undefined
    case 'source':
      return uriReference.test(value) ? undefined : 'is no URI reference (RFC 3986)'
    case 'dataschema':
      return absoluteUri.test(value) && uriReference.test(value) ? undefined : 'is no absolute URI (RFC 3986)'
    case 'datacontenttype':
      return mediaType.test(value) ? undefined : 'is no media type (RFC 2046)'
    case 'time':
      return parseTime(value) === undefined ? 'is no RFC 3339 timestamp' : undefined
    default:
      return undefined
  }
}

const encodedTime = (time: Date): string => {
  const ms = time.getTime()
  if (ms === lastWritten.ms) return lastWritten.text
  if (isEventTime(time)) {
    lastWritten = { text: time.toISOString(), ms }
    return lastWritten.text
  }
  throw new UnencodableError('bad-attribute', 'its time is invalid or not within the years 0 to 9999')
}

export interface EnvelopeOptions {
  /** The `source` of messages without a header `source`: a URI reference. */
  readonly source: string
  /** The protocol has a place for a key of bytes and for no value, as Kafka's records do: no attribute says them. */
  readonly nativeRecord?: boolean | undefined
}

/**
 * The message as attributes: `source`, `type`, `dataschema`, `subject` and extensions are the headers of these names, `datacontenttype`
 * is the header `content-type`, `partitionkey` the key where it can be one. Headers that cannot be attributes by name or value are
 * `others`. Throws UnencodableError.
 */
export const envelopeOf = (message: Message, { source, nativeRecord = false }: EnvelopeOptions): Envelope => {
  const { id, time, topic, headers } = message
  const attributes: Record<string, string> = {}
  const others: Record<string, string> = {}
  const set = (name: string, value: string) => {
    const problem = problemOf(name, value)
    if (problem !== undefined) throw new UnencodableError('bad-attribute', `its ${name} ${shown(value)} ${problem}`)
    attributes[name] = value
  }
  set('specversion', '1.0')
  set('id', id)
  set('source', headers['source'] ?? source)
  set('type', headers['type'] ?? topic.replaceAll(disallowedAnywhere, '\ufffd'))
  attributes['time'] = encodedTime(time)
  setKey(attributes, message, nativeRecord)
  if (message.tombstone === true) {
    if (message.body.byteLength > 0) throw new UnencodableError('bad-data', 'it is a tombstone and has a body')
    if (!nativeRecord) attributes[tombstoneAttribute] = 'true'
  }
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (name !== name.toLowerCase())
      throw new UnencodableError('bad-header', `its header ${shown(name)} is not in lower case`)
    if (!value.isWellFormed())
      throw new UnencodableError('bad-header', `its header ${shown(name)} holds half a surrogate pair`)
    if (name === 'source' || name === 'type') continue
    if (name === 'content-type') set('datacontenttype', value)
    else if (isHeaderAttribute(name) && problemOf(name, value) === undefined) attributes[name] = value
    else put(others, name, value)
  }
  return { attributes, others }
}

/** Throws UnencodableError for text that has no UTF-8. */
const setKey = (attributes: Record<string, string>, message: Message, nativeRecord: boolean) => {
  const { key, keyBytes } = message
  if (key === undefined) {
    if (keyBytes === undefined) return
    throw new UnencodableError('bad-attribute', 'it has keyBytes and no key: make it by message()')
  }
  if (!key.isWellFormed())
    throw new UnencodableError('bad-attribute', `its key ${shown(key)} holds half a surrogate pair`)
  const isText = problemOf('partitionkey', key) === undefined && !standsForBytes(message)
  if (isText) attributes['partitionkey'] = key
  if (nativeRecord || (isText && keyBytes === undefined)) return
  attributes[keyAttribute] = byteSequence(bytesOfKey(message) ?? new Uint8Array())
}

/** `receivedAt` is the time of a message that names none. */
export interface Received extends ReceivedTime {
  readonly body: Uint8Array
  readonly topic: string
  /** The record's key where the protocol has one. As text the attribute `partitionkey` comes first. */
  readonly keyBytes?: Uint8Array | undefined
  /** The protocol says that there is no value. */
  readonly tombstone?: true | undefined
}

/** The inverse of `envelopeOf`. Throws UndecodableError. */
export const messageOf = ({ attributes, others }: Envelope, received: Received): Message => {
  for (const name of required) {
    if (attributes[name] === undefined) throw new UndecodableError('missing-attribute', `it has no ${name}`)
  }
  const version = attributes['specversion'] ?? ''
  if (version !== '1.0') {
    throw new UndecodableError('unsupported-version', `its specversion is ${shown(version)}, only "1.0" is understood`)
  }
  const headers: Record<string, string> = {}
  for (const name in attributes) {
    const value = attributes[name] ?? ''
    if (!attributeName.test(name) || name === 'data') {
      throw new UndecodableError('bad-attribute', `${shown(name)} is no name of an attribute: a to z and 0 to 9`)
    }
    const problem = problemOf(name, value)
    if (problem !== undefined) throw new UndecodableError('bad-attribute', `its ${name} ${shown(value)} ${problem}`)
    if (!fields.has(name)) headers[name] = value
  }
  const contentType = attributes['datacontenttype']
  if (contentType !== undefined) headers['content-type'] = contentType
  // A header that is no attribute never passes for one.
  for (const name in others) {
    const value = others[name] ?? ''
    const isTaken = Object.hasOwn(headers, name) || (name === 'content-type' && !mediaType.test(value))
    put(headers, isTaken ? `x-${name}` : name, value)
  }
  const { id = '', partitionkey, time: timeText } = attributes
  const time = timeText === undefined ? undefined : parseTime(timeText)
  const rawTime = time === undefined ? received.rawTime : isEventTime(time) ? undefined : timeText
  if (rawTime !== undefined) headers[rawTimeHeader] ??= rawTime
  const { key, keyBytes } = receivedKey(received.keyBytes ?? keyBytesIn(attributes), partitionkey)
  return {
    id,
    topic: received.topic,
    key,
    keyBytes,
    time: time !== undefined && isEventTime(time) ? time : received.receivedAt,
    headers,
    body: received.body,
    tombstone: received.tombstone ?? tombstoneIn(attributes, received.body),
  }
}

const keyBytesIn = (attributes: TextRecord): Uint8Array | undefined => {
  const text = attributes[keyAttribute]
  const bytes = text === undefined ? undefined : bytesOfSequence(text)
  if (text === undefined || bytes !== undefined) return bytes
  throw new UndecodableError('bad-attribute', `its ${keyAttribute} ${shown(text)} is no byte sequence (RFC 8941)`)
}

const tombstoneIn = (attributes: TextRecord, body: Uint8Array): true | undefined => {
  const text = attributes[tombstoneAttribute]
  if (text === undefined) return undefined
  if (text === 'true' && body.byteLength === 0) return true
  throw new UndecodableError(
    'bad-attribute',
    `its ${tombstoneAttribute} is ${shown(text)} with ${body.byteLength} bytes`,
  )
}

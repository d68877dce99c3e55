import {
  envelopeOf,
  isCoreAttribute,
  messageOf,
  UndecodableError,
  UnencodableError,
  type Envelope,
  type EnvelopeOptions,
  type Received,
} from '@armature/messaging/cloud-event-attributes'
import {
  decodedWherePossible,
  encodedWhereNeeded,
  isToken,
  percentDecoded,
  percentEncoded,
} from '@armature/messaging/header-encoding'
import type { Message } from '@armature/messaging/message'
import { rawBytesHeader } from '@armature/messaging/raw-headers'
import { put } from '@armature/messaging/text-record'

export { UndecodableError, UnencodableError, type CloudEventFault } from '@armature/messaging/cloud-event-attributes'

/**
 * How a protocol writes attributes: `ce_id` (Kafka), `ce-id` (NATS, HTTP), `cloudEvents_id` or `cloudEvents:id` (AMQP). The two of AMQP
 * are understood by either style; the first one is what the specification prefers.
 */
export type CloudEventStyle = 'kafka' | 'nats' | 'http' | 'amqp_' | 'amqp:'

export interface EncodeOptions extends EnvelopeOptions {
  readonly style: CloudEventStyle
}

/**
 * AMQP has types of its own. Bytes are those of a header that is no text in UTF-8. Anything else that a protocol has is for its driver
 * to turn into text.
 */
export type HeaderValue = string | number | bigint | boolean | Date | Uint8Array

export interface ReceivedEvent extends Received {
  readonly headers: Readonly<Record<string, HeaderValue>>
}

interface Style {
  /** The first one is written. Compared without regard to case. */
  readonly prefixes: readonly string[]
  /** The name of the header that holds `datacontenttype`. */
  readonly contentType: string
  /** Header names are tokens and header values printable ASCII. */
  readonly ascii: boolean
  /** Values have types. */
  readonly typed: boolean
  /** The roles of headers seen so far, by their names: the same few come with every message. */
  readonly roles: Map<string, Role>
  /** The headers of attributes, by the attributes' names. */
  readonly written: Map<string, string>
}

/** The role of a header: the attribute of that name, or another header, in lower case. */
interface Role {
  readonly attribute: boolean
  readonly name: string
}

/** Names come from outside: so many are remembered, the rest is looked at each time. */
const maxRememberedNames = 1_000

const memory = (): Pick<Style, 'roles' | 'written'> => ({ roles: new Map(), written: new Map() })

const styles: Readonly<Record<CloudEventStyle, Style>> = {
  kafka: { prefixes: ['ce_'], contentType: 'content-type', ascii: false, typed: false, ...memory() },
  nats: { prefixes: ['ce-'], contentType: 'ce-datacontenttype', ascii: true, typed: false, ...memory() },
  http: { prefixes: ['ce-'], contentType: 'content-type', ascii: true, typed: false, ...memory() },
  amqp_: {
    prefixes: ['cloudEvents_', 'cloudEvents:'],
    contentType: 'content-type',
    ascii: false,
    typed: true,
    ...memory(),
  },
  'amqp:': {
    prefixes: ['cloudEvents:', 'cloudEvents_'],
    contentType: 'content-type',
    ascii: false,
    typed: true,
    ...memory(),
  },
}

const prefixIn = ({ prefixes }: Style, name: string): string | undefined => {
  for (const prefix of prefixes) {
    if (name.startsWith(prefix) || name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase()) return prefix
  }
  return undefined
}

const roleOf = (style: Style, given: string): Role => {
  const known = style.roles.get(given)
  if (known !== undefined) return known
  const header = given.toLowerCase()
  const prefix = prefixIn(style, given)
  const isContentType = header === style.contentType
  const role =
    prefix === undefined && !isContentType
      ? { attribute: false, name: header }
      : {
          attribute: true,
          name: prefix === undefined || isContentType ? 'datacontenttype' : header.slice(prefix.length),
        }
  if (style.roles.size < maxRememberedNames) style.roles.set(given, role)
  return role
}

const headerOf = (style: Style, attribute: string): string => {
  const known = style.written.get(attribute)
  if (known !== undefined) return known
  const header = attribute === 'datacontenttype' ? style.contentType : `${style.prefixes[0]}${attribute}`
  if (style.written.size < maxRememberedNames) style.written.set(attribute, header)
  return header
}

/**
 * A message as a CloudEvent 1.0 in binary mode (https://github.com/cloudevents/spec, the protocol bindings): the attributes as headers,
 * the body as it is. The message's key is the attribute `partitionkey`, or `armaturekey` where it is no such text; its header `content-type` is `datacontenttype`; headers named
 * like attributes (a to z and 0 to 9) are extensions, the others stay as they are. Throws UnencodableError.
 */
export const encodeBinary = (
  message: Message,
  { style: name, ...options }: EncodeOptions,
): { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array } => {
  const style = styles[name]
  const { attributes, others } = envelopeOf(message, options)
  const headers: Record<string, string> = {}
  for (const attribute in attributes) {
    const value = attributes[attribute] ?? ''
    const header = headerOf(style, attribute)
    // A media type is not encoded, as HTTP requires: it is ASCII.
    const isAscii = style.ascii && header !== 'content-type'
    headers[header] = isAscii ? percentEncoded(value) : value
  }
  for (const header in others) {
    const value = others[header] ?? ''
    if (prefixIn(style, header) !== undefined || Object.hasOwn(headers, header) || (style.ascii && !isToken(header))) {
      throw new UnencodableError(
        'bad-header',
        `${name} cannot carry its header ${JSON.stringify(header.slice(0, 100))}`,
      )
    }
    put(headers, header, style.ascii ? encodedWhereNeeded(value) : value)
  }
  return { headers, body: message.body }
}

/** Whether the headers are those of a CloudEvent in binary mode. */
export const isBinary = (headers: ReceivedEvent['headers'], style: CloudEventStyle): boolean => {
  for (const given in headers) {
    const { attribute, name } = roleOf(styles[style], given)
    if (attribute && name === 'specversion') return true
  }
  return false
}

/** The media type of structured mode, whatever the format. */
export const isStructured = (contentType: string | undefined): boolean =>
  /^application\/cloudevents(?![\w-])/i.test(contentType ?? '')

/**
 * The inverse of `encodeBinary`. Names of headers are lower-cased. Throws UndecodableError: nothing that is not as the specification
 * says passes.
 */
export const decodeBinary = (received: ReceivedEvent, styleName: CloudEventStyle): Message =>
  messageOf(envelopeIn(received.headers, styles[styleName]), received)

const envelopeIn = (headers: ReceivedEvent['headers'], style: Style): Envelope => {
  const attributes: Record<string, string> = {}
  const others: Record<string, string> = {}
  for (const given in headers) {
    const value = headers[given] ?? ''
    const { attribute, name } = roleOf(style, given)
    if (!attribute) {
      const text = canonical(value)
      put(others, name, style.ascii ? decodedWherePossible(text) : text)
      if (value instanceof Uint8Array) put(others, ...rawBytesHeader(name, value))
      continue
    }
    const isMediaType = name === 'datacontenttype' && given.toLowerCase() === 'content-type'
    const text = isMediaType ? canonical(value) : attributeValue(name, value, style)
    // Some write the media type twice, in the protocol's place and as an attribute.
    const isRepeat = name === 'datacontenttype' && attributes[name] === text
    if (Object.hasOwn(attributes, name) && !isRepeat) {
      throw new UndecodableError('bad-header', `it has the attribute ${JSON.stringify(name.slice(0, 100))} twice`)
    }
    put(attributes, name, text)
  }
  return { attributes, others }
}

/** The text of a header; of bytes that are none, the nearest. */
export const canonical = (value: HeaderValue): string => {
  if (value instanceof Date) return isoOrEmpty(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}

const isoOrEmpty = (date: Date): string => (Number.isNaN(date.getTime()) ? '' : date.toISOString())

const attributeValue = (name: string, value: HeaderValue, { ascii, typed }: Style): string => {
  if (typeof value === 'string') {
    const text = ascii ? percentDecoded(value) : value
    if (text !== undefined) return text
    throw new UndecodableError('bad-attribute', `its ${name} is percent-encoded, but not in UTF-8`)
  }
  const fits = isCoreAttribute(name) ? name === 'time' && value instanceof Date : isAttributeType(value)
  if (!typed || !fits) {
    throw new UndecodableError('bad-attribute', `its ${name} is of a type that attributes cannot have`)
  }
  return canonical(value)
}

const int32 = 2 ** 31

/** Whether the value has one of the types that an attribute may have: Boolean, Integer (32 bits), Timestamp. */
export const isAttributeType = (value: unknown): value is boolean | number | bigint | Date => {
  if (typeof value === 'boolean' || value instanceof Date) return true
  if (typeof value === 'bigint') return value >= -int32 && value < int32
  return typeof value === 'number' && Number.isInteger(value) && value >= -int32 && value < int32
}

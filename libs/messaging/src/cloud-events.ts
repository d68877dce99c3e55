import {
  envelopeOf,
  isCoreAttribute,
  messageOf,
  UndecodableError,
  UnencodableError,
  type Envelope,
  type Received,
} from './cloud-event-attributes.ts'
import { decodedWherePossible, encodedWhereNeeded, isToken, percentDecoded, percentEncoded } from './header-encoding.ts'
import type { Message } from './message.ts'

export { UndecodableError, UnencodableError, type CloudEventFault } from './cloud-event-attributes.ts'

/**
 * How a protocol writes attributes: `ce_id` (Kafka), `ce-id` (NATS, HTTP), `cloudEvents_id` or `cloudEvents:id` (AMQP). The two of AMQP
 * are understood by either style; the first one is what the specification prefers.
 */
export type CloudEventStyle = 'kafka' | 'nats' | 'http' | 'amqp_' | 'amqp:'

export interface EncodeOptions {
  readonly style: CloudEventStyle
  /** The `source` of messages without a header `source`: a URI reference such as `/armature/search-service`. */
  readonly source: string
}

/** AMQP has types of its own. Anything else that a protocol has is for its driver to turn into text. */
export type HeaderValue = string | number | bigint | boolean | Date

export interface ReceivedEvent extends Received {
  readonly headers: Readonly<Record<string, HeaderValue>>
}

interface Style {
  /** The first one is written. Compared without regard to case. */
  readonly prefixes: readonly string[]
  /** Where `datacontenttype` is. */
  readonly contentType: string
  /** Header names are tokens and header values printable ASCII. */
  readonly ascii: boolean
  /** Values have types. */
  readonly typed: boolean
}

const styles: Readonly<Record<CloudEventStyle, Style>> = {
  kafka: { prefixes: ['ce_'], contentType: 'content-type', ascii: false, typed: false },
  nats: { prefixes: ['ce-'], contentType: 'ce-datacontenttype', ascii: true, typed: false },
  http: { prefixes: ['ce-'], contentType: 'content-type', ascii: true, typed: false },
  amqp_: { prefixes: ['cloudEvents_', 'cloudEvents:'], contentType: 'content-type', ascii: false, typed: true },
  'amqp:': { prefixes: ['cloudEvents:', 'cloudEvents_'], contentType: 'content-type', ascii: false, typed: true },
}

const prefixIn = ({ prefixes }: Style, name: string): string | undefined =>
  prefixes.find((prefix) => name.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase())

/**
 * A message as a CloudEvent 1.0 in binary mode (https://github.com/cloudevents/spec, the protocol bindings): the attributes as headers,
 * the body as it is. The message's key is the attribute `partitionkey`, its header `content-type` is `datacontenttype`; headers named
 * like attributes (a to z and 0 to 9) are extensions, the others stay as they are. Throws UnencodableError.
 */
export const encodeBinary = (
  message: Message,
  { style: name, source }: EncodeOptions,
): { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array } => {
  const style = styles[name]
  const { attributes, others } = envelopeOf(message, source)
  const headers = new Map<string, string>()
  for (const [attribute, value] of attributes) {
    const header = attribute === 'datacontenttype' ? style.contentType : `${style.prefixes[0]}${attribute}`
    // As HTTP wants it, a media type is not encoded: it is ASCII.
    const isAscii = style.ascii && header !== 'content-type'
    headers.set(header, isAscii ? percentEncoded(value) : value)
  }
  for (const [header, value] of others) {
    if (prefixIn(style, header) !== undefined || headers.has(header) || (style.ascii && !isToken(header))) {
      throw new UnencodableError(
        'bad-header',
        `${name} cannot carry its header ${JSON.stringify(header.slice(0, 100))}`,
      )
    }
    headers.set(header, style.ascii ? encodedWhereNeeded(value) : value)
  }
  return { headers: Object.fromEntries(headers), body: message.body }
}

/** Whether the headers are those of a CloudEvent in binary mode. */
export const isBinary = (headers: ReceivedEvent['headers'], style: CloudEventStyle): boolean =>
  Object.keys(headers).some((name) => {
    const prefix = prefixIn(styles[style], name)
    return prefix !== undefined && name.slice(prefix.length).toLowerCase() === 'specversion'
  })

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
  const attributes = new Map<string, string>()
  const others = new Map<string, string>()
  for (const [given, value] of Object.entries(headers)) {
    const header = given.toLowerCase()
    const prefix = prefixIn(style, given)
    if (prefix === undefined && header !== style.contentType) {
      const text = canonical(value)
      others.set(header, style.ascii ? decodedWherePossible(text) : text)
      continue
    }
    const name = prefix === undefined || header === style.contentType ? 'datacontenttype' : header.slice(prefix.length)
    const text = header === 'content-type' ? canonical(value) : attributeValue(name, value, style)
    // Some write the media type twice, in the protocol's place and as an attribute.
    const isRepeat = name === 'datacontenttype' && attributes.get(name) === text
    if (attributes.has(name) && !isRepeat) {
      throw new UndecodableError('bad-header', `it has the attribute ${JSON.stringify(name.slice(0, 100))} twice`)
    }
    attributes.set(name, text)
  }
  return { attributes, others }
}

const canonical = (value: HeaderValue): string => (value instanceof Date ? isoOrEmpty(value) : String(value))

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

/** Of the types that an attribute may have: Boolean, Integer (32 bits), Timestamp. */
export const isAttributeType = (value: unknown): value is boolean | number | bigint | Date => {
  if (typeof value === 'boolean' || value instanceof Date) return true
  if (typeof value === 'bigint') return value >= -int32 && value < int32
  return typeof value === 'number' && Number.isInteger(value) && value >= -int32 && value < int32
}

import type { Options } from 'amqplib'
import { createHash } from 'node:crypto'
import { typedValue, typesHeader, typesIn, typesText, valueOfType, type FieldValue } from './header-types.ts'
import { longestNameBytes, topicOfKey } from './names.ts'
import { isCoreAttribute, isHeaderAttribute } from '@armature/messaging/cloud-event-attributes'
import { encodeBinary, type HeaderValue } from '@armature/messaging-kit/cloud-events'
import { PublishError, type PublishFault } from '@armature/messaging/errors'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { Message } from '@armature/messaging/message'
import { receivedTime } from '@armature/messaging/received-time'
import { checkTopic } from '@armature/messaging/topic-pattern'

/** The client's limit. */
const longestHeadersBytes = 60_000
/** A rough size of a value that is not text. */
const fieldBytes = 20
/** Headers that the broker writes: counts of deliveries, and where it dead-lettered a message before. */
const brokerHeader = /^x-(?:death|(?:first|last)-death-|delivery-count$|acquired-count$|opt-)/

export interface EncodeParts {
  readonly topic: string
  readonly source: string
  readonly mandatory: boolean
  /** Write headers under their own names too, for a headers exchange. */
  readonly plainHeaders: boolean
  /** Keep what the broker wrote about earlier dead-lettering. */
  readonly keepDeaths: boolean
}

export interface EncodedMessage {
  readonly id: string
  readonly content: Buffer
  readonly properties: Options.Publish
}

/**
 * A message as AMQP: a CloudEvent in binary mode (attributes as headers `cloudEvents_...`, `datacontenttype` as content-type), persistent, with
 * its id as message-id, and now as timestamp. Throws PublishError (`bad-message`, `too-large`).
 */
export const encodeAmqp = (message: Message, parts: EncodeParts): EncodedMessage => {
  const { id, body } = message
  const refuse = (fault: PublishFault, problem: string, cause?: unknown) =>
    new PublishError(`message ${id}: ${problem}`, { topic: parts.topic, fault, cause })
  let encoded
  try {
    encoded = encodeBinary(message, { style: 'amqp_', source: parts.source })
  } catch (cause) {
    throw refuse('bad-message', cause instanceof Error ? cause.message : String(cause), cause)
  }
  const contentType = encoded.headers['content-type']
  if (contentType !== undefined && bytesOf(contentType) > longestNameBytes) {
    throw refuse('bad-message', 'its content-type has over 255 bytes, which AMQP cannot carry')
  }
  const headers = fieldsOf(encoded.headers, message.headers, parts)
  let bytes = 0
  for (const name in headers) {
    const value = headers[name]
    if (bytesOf(name) > longestNameBytes) throw refuse('bad-message', 'a header has a name over 255 bytes')
    bytes += name.length + (typeof value === 'string' ? bytesOf(value) : fieldBytes)
  }
  if (bytes > longestHeadersBytes) {
    const problem = `its headers have ${bytes} bytes, the limit is ${longestHeadersBytes}`
    throw refuse('too-large', `${problem}: move them to the body`)
  }
  const properties: Options.Publish = {
    headers,
    deliveryMode: 2,
    mandatory: parts.mandatory,
    timestamp: Math.floor(Date.now() / 1000),
  }
  if (bytesOf(id) <= longestNameBytes) properties.messageId = id
  if (contentType !== undefined) properties.contentType = contentType
  return { id, content: Buffer.from(body.buffer, body.byteOffset, body.byteLength), properties }
}

/** The bytes of a text in UTF-8. A short text is not counted, which takes time: a lower bound is enough there. */
const bytesOf = (text: string): number => (text.length * 3 <= longestNameBytes ? text.length : Buffer.byteLength(text))

/** The table of headers. Copied name by name: objects made otherwise are slow to read for the client. */
const fieldsOf = (
  encoded: Readonly<Record<string, string>>,
  given: Message['headers'],
  { plainHeaders, keepDeaths }: EncodeParts,
): Record<string, FieldValue> => {
  const typesGiven = given[typesHeader]
  const types = typesGiven === undefined ? undefined : typesIn(typesGiven)
  const headers = Object.create(null) as Record<string, FieldValue>
  for (const name in encoded) {
    if (name === 'content-type' || name === typesHeader || (!keepDeaths && brokerHeader.test(name))) continue
    const own = types === undefined ? undefined : name.replace(/^cloudEvents_/, '')
    if (own !== undefined && types?.has(own) === true && isHeaderAttribute(own) && !isCoreAttribute(own)) continue
    headers[name] = encoded[name] ?? ''
  }
  if (plainHeaders) {
    for (const name in given) if (name !== 'content-type' && name !== typesHeader) headers[name] ??= given[name] ?? ''
  }
  for (const [name, type] of types ?? []) {
    const text = Object.hasOwn(given, name) ? given[name] : undefined
    if (text === undefined || name === 'content-type' || (!keepDeaths && brokerHeader.test(name))) continue
    headers[name] = valueOfType(text, type)
  }
  return headers
}

/** A received message, as the client gives it. */
export interface ReceivedAmqp {
  readonly content: Buffer
  readonly fields: { readonly routingKey: string }
  readonly properties: {
    readonly headers?: Readonly<Record<string, FieldValue | undefined>> | undefined
    readonly contentType?: unknown
    readonly contentEncoding?: unknown
    readonly correlationId?: unknown
    readonly replyTo?: unknown
    readonly type?: unknown
    readonly messageId?: unknown
    readonly timestamp?: unknown
  }
}

/**
 * The inverse of `encodeAmqp`, which also reads what other publishers send. A message whose routing key is not a topic gets `topic`. Headers of other
 * types become text; tables and arrays become JSON. Properties of foreign messages become headers under their AMQP names.
 */
export const decodeAmqp = ({ content, fields, properties }: ReceivedAmqp, topic: string): DecodedMessage => {
  // Without a prototype, which a header may be named after.
  const headers = Object.create(null) as Record<string, HeaderValue>
  const types: [string, ReturnType<typeof typedValue>['type']][] = []
  const given = properties.headers ?? {}
  const isEvent = Object.hasOwn(given, 'cloudEvents_specversion') || Object.hasOwn(given, 'cloudEvents:specversion')
  // Its own: the client takes a header named __proto__ for the prototype.
  for (const name of Object.keys(given)) {
    const value = given[name]
    if (value === undefined || name === 'x-delivery-count' || name === 'x-acquired-count') continue
    if (typeof value === 'string') {
      // A copy for a headers exchange.
      if (given[`cloudEvents_${name}`] !== value) headers[name] = value
      // Else it would be an attribute when it is published on.
      if (!isEvent && /^[a-z\d]+$/.test(name)) types.push([name, 'text'])
      continue
    }
    const { type, value: converted } = typedValue(value)
    headers[name] = converted
    if (!/^cloudEvents[_:]/i.test(name)) types.push([name.toLowerCase(), type])
  }
  const { contentType, contentEncoding, correlationId, replyTo, type, messageId, timestamp } = properties
  const add = (name: string, value: unknown) => {
    if (typeof value === 'string' && value !== '') headers[name] ??= value
  }
  add('content-type', contentType)
  add('content-encoding', contentEncoding)
  add('correlation-id', correlationId)
  add('reply-to', replyTo)
  add('type', type)
  if (types.length > 0) headers[typesHeader] = typesText(types)
  return decodeReceived(
    {
      headers,
      body: content,
      topic: topicOr(fields.routingKey, topic),
      ...(typeof timestamp === 'number' ? receivedTime(timestamp * 1000, timestamp) : { receivedAt: new Date() }),
      fallbackId:
        typeof messageId === 'string' && messageId !== '' ? messageId : amqpDigest({ content, fields, properties }),
    },
    'amqp_',
  )
}

/**
 * A digest of a message, the same for each delivery of it: AMQP gives no other sign of a message without message-id. Two messages that are equal in
 * everything have the same digest.
 */
export const amqpDigest = ({ content, fields, properties }: ReceivedAmqp): string => {
  const { headers = {}, ...others } = properties
  // The broker may change their order.
  const own = Object.entries(headers)
    .filter(([name]) => !brokerHeader.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const text = JSON.stringify([fields.routingKey, own, others])
  return createHash('sha256').update(`${text.length} ${text}`).update(content).digest('hex')
}

const topicOr = (key: string, otherwise: string): string => {
  try {
    const topic = topicOfKey(key)
    checkTopic(topic)
    return topic
  } catch {
    return otherwise
  }
}

import {
  envelopeOf,
  isCoreAttribute,
  messageOf,
  UndecodableError,
  type Received,
} from '@armature/messaging/cloud-event-attributes'
import { isAttributeType } from './cloud-events.ts'
import { bodyText, type Message } from '@armature/messaging/message'
import { put } from '@armature/messaging/text-record'

export const structuredContentType = 'application/cloudevents+json; charset=utf-8'

const isJson = (contentType: string): boolean => /^[^/;\s]+\/(?:json|[^;\s]+\+json)\s*(?:;|$)/i.test(contentType)
const isText = (contentType: string): boolean => /^text\/[^;]+(?:;\s*charset="?utf-8"?\s*)?$/i.test(contentType)

/** The body as a member of JSON, such that decoding gives the same bytes again. */
const dataOf = (body: Uint8Array, contentType: string | undefined): Readonly<Record<string, unknown>> => {
  if (body.byteLength === 0) return {}
  const base64 = { data_base64: Buffer.from(body).toString('base64') }
  if (contentType === undefined) return base64
  try {
    const text = bodyText({ body })
    // The decoder takes a byte order mark away.
    if (!bodyFrom(text).equals(body)) return base64
    if (isText(contentType)) return { data: text }
    const value: unknown = isJson(contentType) ? JSON.parse(text) : undefined
    return value !== undefined && JSON.stringify(value) === text ? { data: value } : base64
  } catch {
    return base64
  }
}

const bodyFrom = (text: string): Buffer => Buffer.from(text)

/**
 * A message as a CloudEvent 1.0 in structured mode, the JSON event format: attributes and data in one object. `headers` has the media
 * type and what is no attribute. Throws UnencodableError.
 */
export const encodeStructured = (
  message: Message,
  { source }: { readonly source: string },
): { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array } => {
  const { attributes, others } = envelopeOf(message, { source })
  const data = dataOf(message.body, attributes['datacontenttype'])
  const event = { ...attributes, ...data }
  return {
    headers: { ...others, 'content-type': structuredContentType },
    body: Buffer.from(JSON.stringify(event)),
  }
}

const base64Text = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/

const bytesOf = (data: unknown, base64: unknown, contentType: string | undefined): Uint8Array => {
  if (data !== undefined && base64 !== undefined) {
    throw new UndecodableError('bad-data', 'it has both data and data_base64')
  }
  if (base64 !== undefined) {
    if (typeof base64 === 'string' && base64Text.test(base64)) return Buffer.from(base64, 'base64')
    throw new UndecodableError('bad-data', 'its data_base64 is no text in Base64')
  }
  if (data === undefined) return Buffer.alloc(0)
  if (contentType === undefined || isJson(contentType)) return bodyFrom(JSON.stringify(data))
  if (typeof data !== 'string') throw new UndecodableError('bad-data', `its data is ${contentType} and no string`)
  if (!data.isWellFormed()) throw new UndecodableError('bad-data', 'its data holds half a surrogate pair')
  return bodyFrom(data)
}

const parsed = (body: Uint8Array): Readonly<Record<string, unknown>> => {
  let value: unknown
  try {
    value = JSON.parse(bodyText({ body }))
  } catch (cause) {
    throw new UndecodableError('bad-json', 'it is not JSON in UTF-8', { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new UndecodableError('bad-json', 'it is JSON, but no object')
}

/**
 * The inverse of `encodeStructured`; `headers` are those beside the event. Data without `datacontenttype` is `application/json`, as the
 * format says. Throws UndecodableError.
 */
export const decodeStructured = (
  received: Received & { readonly headers?: Readonly<Record<string, string>> },
): Message => {
  const attributes: Record<string, string> = {}
  const { data, data_base64: base64, ...members } = parsed(received.body)
  for (const [name, value] of Object.entries(members)) {
    if (value === null) continue
    if (typeof value !== 'string' && (isCoreAttribute(name) || !isAttributeType(value))) {
      throw new UndecodableError(
        'bad-attribute',
        `its ${JSON.stringify(name.slice(0, 100))} is of a type that attributes cannot have`,
      )
    }
    put(attributes, name, String(value))
  }
  const contentType = attributes['datacontenttype']
  if (contentType === undefined && data !== undefined) attributes['datacontenttype'] = 'application/json'
  const others: Record<string, string> = {}
  for (const [name, value] of Object.entries(received.headers ?? {})) {
    if (name.toLowerCase() !== 'content-type') put(others, name.toLowerCase(), value)
    else if (!isJson(value))
      throw new UndecodableError('unsupported-format', `its format is ${value}, only JSON is understood`)
  }
  let body: Uint8Array
  try {
    body = bytesOf(data, base64 ?? undefined, contentType)
  } catch (cause) {
    if (cause instanceof UndecodableError) throw cause
    throw new UndecodableError('bad-data', 'its data is nested too deeply', { cause })
  }
  return messageOf({ attributes, others }, { ...received, body })
}

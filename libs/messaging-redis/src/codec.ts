import { randomUUID } from 'node:crypto'
import { encodeStructured, structuredContentType } from '@armature/messaging-kit/cloud-events-json'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { Message } from '@armature/messaging/message'

/** The extension attribute that holds, as a JSON object, the headers whose names or values no attribute can have. */
const othersAttribute = 'armatureheaders'

/**
 * A message as the payload of a Redis channel, which has no headers: a CloudEvent 1.0 in structured mode, the JSON event format. Throws
 * UnencodableError.
 */
export const encodePayload = (message: Message, source: string): Buffer => {
  const { headers, body } = encodeStructured(message, { source })
  const { 'content-type': _, ...others } = headers
  const names = Object.keys(others)
  if (names.length === 0) return bufferOf(body)
  const attributes = Object.entries(message.headers).filter(([name]) => !names.includes(name))
  const carried = { ...Object.fromEntries(attributes), [othersAttribute]: asciiJson(others) }
  return bufferOf(encodeStructured({ ...message, headers: carried }, { source }).body)
}

/**
 * The message that a payload holds. A payload that is not a JSON object with a `specversion` comes from a foreign publisher: it becomes a body
 * without headers and gets a random id.
 */
export const decodePayload = (topic: string, payload: Buffer, receivedAt: Date): DecodedMessage => {
  const headers: Record<string, string> = saysCloudEvent(payload) ? { 'content-type': structuredContentType } : {}
  const { message, undecodable } = decodeReceived(
    { topic, body: payload, headers, receivedAt, fallbackId: randomUUID() },
    'kafka',
  )
  if (undecodable !== undefined) return { message, undecodable }
  const { [othersAttribute]: carried, ...attributes } = message.headers
  const others = carried === undefined ? undefined : textsOf(carried)
  return { message: others === undefined ? message : { ...message, headers: { ...others, ...attributes } } }
}

const saysCloudEvent = (payload: Buffer): boolean => {
  if (!payload.includes('"specversion"')) return false
  try {
    const value: unknown = JSON.parse(payload.toString())
    return typeof value === 'object' && value !== null && Object.hasOwn(value, 'specversion')
  } catch {
    return false
  }
}

const textsOf = (json: string): Readonly<Record<string, string>> | undefined => {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null) return undefined
    const entries = Object.entries(value)
    return entries.every(isHeader) ? Object.fromEntries(entries) : undefined
  } catch {
    return undefined
  }
}

const isHeader = ([name, text]: readonly [string, unknown]): boolean =>
  typeof text === 'string' && text.isWellFormed() && name.isWellFormed() && name === name.toLowerCase()

/** JSON in printable ASCII, which attributes may hold. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The same bytes as a Buffer: the client takes no other kind. */
export const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

import { createHash } from 'node:crypto'
import { byteSequence } from '@armature/messaging/byte-sequence'
import { isEventId, UndecodableError } from '@armature/messaging/cloud-event-attributes'
import { decodeStructured } from './cloud-events-json.ts'
import {
  canonical,
  decodeBinary,
  isBinary,
  isStructured,
  type CloudEventStyle,
  type ReceivedEvent,
} from './cloud-events.ts'
import { receivedKey } from '@armature/messaging/message-key'
import type { Message } from '@armature/messaging/message'
import { rawBytesHeader, rawIdHeader, rawTimeHeader } from '@armature/messaging/raw-headers'
import { put } from '@armature/messaging/text-record'

export interface ReceivedMessage extends ReceivedEvent {
  /**
   * The id of a message that has none: the same for each delivery of it, such as `topic+partition+offset`. One that no CloudEvent can
   * have becomes its SHA-256, and is kept in the header `dlt-raw-id`.
   */
  readonly fallbackId: string
}

export interface DecodedMessage {
  readonly message: Message
  /** Why it is no CloudEvent though it says so; the message then holds its headers and body as they came. */
  readonly undecodable?: UndecodableError
}

/**
 * Decodes a message of a broker: a CloudEvent in binary or structured mode, or a message of another kind of publisher, whose headers and
 * body are taken as they are. Never throws, whatever is in the message.
 */
export const decodeReceived = (received: ReceivedMessage, style: CloudEventStyle): DecodedMessage => {
  const { headers } = received
  try {
    if (isBinary(headers, style)) return { message: decodeBinary(received, style) }
    const contentType = headerText(headers, 'content-type')
    if (!isStructured(contentType) && !isBatch(contentType)) return { message: foreign(received) }
    if (/^application\/cloudevents\+json\s*(?:;|$)/i.test(contentType ?? '')) {
      return { message: decodeStructured({ ...received, headers: textHeaders(headers) }) }
    }
    throw new UndecodableError('unsupported-format', 'only structured mode in JSON is understood, one event a message')
  } catch (error) {
    if (!(error instanceof UndecodableError)) throw error
    return { message: foreign(received), undecodable: error }
  }
}

const isBatch = (contentType: string | undefined): boolean => /^application\/cloudevents-batch/i.test(contentType ?? '')

const foreign = (received: ReceivedMessage): Message => {
  const { fallbackId, topic, keyBytes, receivedAt, rawTime, body, tombstone } = received
  const headers = textHeaders(received.headers)
  if (rawTime !== undefined) headers[rawTimeHeader] ??= rawTime
  let id = fallbackId
  if (!isEventId(id)) {
    id = createHash('sha256').update(fallbackId).digest('hex')
    headers[rawIdHeader] ??= byteSequence(Buffer.from(fallbackId))
  }
  return { id, topic, ...receivedKey(keyBytes, undefined), time: receivedAt, headers, body, tombstone }
}

const headerText = (headers: ReceivedEvent['headers'], name: string): string | undefined => {
  for (const given in headers) if (given.toLowerCase() === name) return canonical(headers[given] ?? '')
  return undefined
}

const textHeaders = (headers: ReceivedEvent['headers']): Record<string, string> => {
  const texts: Record<string, string> = {}
  for (const given in headers) {
    const [name, value] = [given.toLowerCase(), headers[given] ?? '']
    put(texts, name, canonical(value))
    if (value instanceof Uint8Array) put(texts, ...rawBytesHeader(name, value))
  }
  return texts
}

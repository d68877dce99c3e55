import { UndecodableError } from './cloud-event-attributes.ts'
import { decodeStructured } from './cloud-events-json.ts'
import { decodeBinary, isBinary, isStructured, type CloudEventStyle, type ReceivedEvent } from './cloud-events.ts'
import { receivedKey } from './message-key.ts'
import type { Message } from './message.ts'

export interface ReceivedMessage extends ReceivedEvent {
  /** The id of a message that has none: the same for each delivery of it, such as `topic+partition+offset`. */
  readonly fallbackId: string
}

export interface Incoming {
  readonly message: Message
  /** Why it is no CloudEvent though it says so; the message then holds its headers and body as they came. */
  readonly undecodable?: UndecodableError
}

/**
 * What a broker delivered as a message: a CloudEvent in binary or structured mode, or what another kind of publisher sent, whose headers and
 * body are taken as they are. Never throws for what is in it.
 */
export const incoming = (received: ReceivedMessage, style: CloudEventStyle): Incoming => {
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

const foreign = ({ fallbackId, topic, keyBytes, receivedAt, headers, body, tombstone }: ReceivedMessage): Message => ({
  id: fallbackId,
  topic,
  ...receivedKey(keyBytes, undefined),
  time: receivedAt,
  headers: textHeaders(headers),
  body,
  tombstone,
})

const headerText = (headers: ReceivedEvent['headers'], name: string): string | undefined => {
  for (const given in headers) if (given.toLowerCase() === name) return text(headers[given])
  return undefined
}

const textHeaders = (headers: ReceivedEvent['headers']): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), text(value)]))

const text = (value: ReceivedEvent['headers'][string] | undefined): string =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : String(value ?? '')

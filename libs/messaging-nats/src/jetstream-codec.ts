import type { Msg } from '@nats-io/nats-core'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Arrival } from '@armature/messaging-kit/delivery-window'
import { decodeMessage, encodeMessage, wireHeaders } from './codec.ts'
import { dedupeId } from './jetstream-dedupe-id.ts'

const idHeader = 'Nats-Msg-Id'

type Headers = Readonly<Record<string, string>>

/** A message as a stream stores it. */
export interface EncodedMessage {
  readonly headers: Headers
  readonly body: Uint8Array
}

/** The message with the id by which the stream recognises a repeat. Throws PublishError `bad-message`. */
export const encodeForStream = (topic: string, message: Message, source: string): EncodedMessage => {
  const { headers, body } = encodeMessage(topic, message, source)
  return { headers: { ...headers, [idHeader]: dedupeId(topic, message, source) }, body }
}

/** The headers of copy `copy` of a message: the stream takes each copy for another message. */
export const copyHeaders = (headers: Headers, copy: number): ReturnType<typeof wireHeaders> =>
  wireHeaders({ ...headers, [idHeader]: `${headers[idHeader] ?? ''}+${copy}` })

/** An encoded message that the server takes. */
export interface WireMessage extends EncodedMessage {
  readonly wire: ReturnType<typeof wireHeaders>
  /** Counts headers and body. */
  readonly bytes: number
}

export interface WireLimits {
  /** Whether the stream can keep one message for good. Dead letters are marked so. */
  readonly keepsForGood: boolean
  /** Counts headers and body. */
  readonly maxPayloadBytes: number
}

/** Throws PublishError `too-large` for a message over the limit of the server. */
export const wireMessage = (topic: string, encoded: EncodedMessage, limits: WireLimits): WireMessage => {
  const { keepsForGood, maxPayloadBytes } = limits
  const ttl = keepsForGood && isDeadLetterTopic(topic) ? { 'Nats-TTL': 'never' } : {}
  const headers = { ...encoded.headers, ...ttl }
  const wire = wireHeaders(headers)
  const bytes = wire.byteLength + encoded.body.byteLength
  if (bytes > maxPayloadBytes) {
    const problem = `a message has ${bytes} bytes with its headers, the server takes ${maxPayloadBytes}`
    throw new PublishError(problem, { topic, fault: 'too-large' })
  }
  return { headers, wire, body: encoded.body, bytes }
}

/** The place of a message in its stream, and how often it was delivered. The reply subject of a delivery says it. */
export interface StreamPlace {
  readonly sequence: number
  /** Counts all deliveries of the consumer, from 1. */
  readonly delivery: number
  /** Counts the deliveries of this message, from 1. */
  readonly attempt: number
  readonly storedAt: Date
}

/**
 * Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<attempt>.<sequence>.<delivery>.<nanoseconds>.<pending>[.<random>]`, see
 * https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md.
 */
export const placeOf = (reply: string): StreamPlace => {
  const tokens = reply.split('.')
  const at = tokens.length > 9 ? 6 : 4
  return {
    attempt: Number(tokens[at]),
    sequence: Number(tokens[at + 1]),
    delivery: Number(tokens[at + 2]),
    storedAt: new Date(Number(tokens[at + 3]?.slice(0, -6))),
  }
}

/** A message of a stream, as it came to a subscription. */
export interface StreamArrival extends Arrival {
  readonly sequence: number
  readonly storedAtMs: number
}

/** Decodes a message of a stream. `settle` says how its outcome is told to the server. */
export const arrivalOf = (
  msg: Msg,
  { sequence, storedAt, attempt }: StreamPlace,
  settle: Pick<Arrival, 'ack' | 'reject'>,
): StreamArrival => {
  const topic = msg.subject
  const { message, undecodable } = decodeMessage(msg, {
    topic,
    receivedAt: storedAt,
    fallbackId: `${topic}+0+${sequence}`,
  })
  const position = { partition: 0, offset: sequence }
  return { message, undecodable, attempt, position, sequence, storedAtMs: storedAt.getTime(), ...settle }
}

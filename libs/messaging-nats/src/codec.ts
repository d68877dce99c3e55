import { headers as natsHeaders, type MsgHdrs } from '@nats-io/nats-core'
import { byteSequence } from '@armature/messaging/byte-sequence'
import { encodeBinary } from '@armature/messaging-kit/cloud-events'
import { UndecodableError, UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { PublishError, TopicError } from '@armature/messaging/errors'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { Message } from '@armature/messaging/message'
import { rawNatsHeader } from '@armature/messaging/raw-headers'
import { put } from '@armature/messaging/text-record'

/** Headers of the server's own, which say how a message is handled and are no part of it. */
const serversOwn = /^nats-/i

/** First tokens of subjects that are the server's: its API, its events, the inboxes of requests. */
const reserved = /^(?:\$|_INBOX(?:\.|$)|_R_(?:\.|$))/

/** Whether a subject is the server's own, such as `$JS.API.STREAM.DELETE`: no topic, though NATS would take it. */
export const isReserved = (subject: string): boolean => reserved.test(subject)

/** Throws TopicError for a topic or pattern in the server's own part of the subjects. */
export const checkSubject = (topic: string): void => {
  if (!isReserved(topic)) return
  throw new TopicError(topic, `${JSON.stringify(topic)} is the server's own: begin it with neither $ nor _INBOX`)
}

/**
 * A message by the CloudEvents binding to NATS, binary mode: `ce-` headers, the body as it is
 * (https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md). Throws PublishError `bad-message`.
 */
export const encodeMessage = (
  topic: string,
  message: Message,
  source: string,
): { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array } => {
  try {
    const encoded = encodeBinary(message, { style: 'nats', source })
    const own = Object.keys(encoded.headers).find((name) => serversOwn.test(name))
    if (own !== undefined)
      throw new UnencodableError('bad-header', `the header ${own} is NATS's own: name it otherwise`)
    return encoded
  } catch (error) {
    if (!(error instanceof UnencodableError)) throw error
    throw new PublishError(error.message, { topic, fault: 'bad-message', cause: error })
  }
}

/**
 * The headers as the client wants them. It asks nothing of them but their bytes; its own implementation looks each name up among all
 * the others.
 */
export const wireHeaders = (headers: Readonly<Record<string, string>>): MsgHdrs & { readonly byteLength: number } => {
  let text = 'NATS/1.0\r\n'
  for (const name in headers) text += `${name}: ${headers[name] ?? ''}\r\n`
  const bytes = Buffer.from(`${text}\r\n`)
  return { encode: () => bytes, byteLength: bytes.byteLength } as unknown as ReturnType<typeof wireHeaders>
}

/** The same by the client's own implementation, for what is sent seldom. */
export const plainHeaders = (headers: Readonly<Record<string, string>>): MsgHdrs => {
  const made = natsHeaders()
  for (const [name, value] of Object.entries(headers)) made.append(name, value)
  return made
}

export interface Origin {
  readonly topic: string
  readonly receivedAt: Date
  /** The id of a message that has none. */
  readonly fallbackId: string
}

/** The parts of the client's message that are read. */
export interface NatsContents {
  readonly headers?: MsgHdrs | undefined
  readonly data: Uint8Array
}

/**
 * The message that arrived, without the server's own headers. If a header is there several times, the first one counts. Headers that the
 * client cannot read make the message undecodable. They are kept in the header `dlt-raw-nats-headers`, a byte sequence.
 */
export const decodeMessage = (msg: NatsContents, origin: Origin): DecodedMessage => {
  const raw = rawHeaders(msg) ?? noHeaders
  const headers = readHeaders(raw)
  if (headers !== undefined) return decodeReceived({ ...origin, headers, body: msg.data }, 'nats')
  const own = { [rawNatsHeader]: byteSequence(raw) }
  const { message } = decodeReceived({ ...origin, headers: own, body: msg.data }, 'nats')
  const problem = 'a name of its headers is no printable ASCII, or a value has several lines'
  return { message, undecodable: new UndecodableError('bad-header', problem) }
}

const noHeaders = new Uint8Array()

/** Names and values that the client takes. */
const headerName = /^[!-9;-~]*$/
const headerValue = /^[^\r\n]*$/

/** What the client's own implementation reads, which looks each name up among all the others. Undefined where that throws. */
const readHeaders = (raw: Uint8Array): Readonly<Record<string, string>> | undefined => {
  const headers: Record<string, string> = {}
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString()
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon === -1) continue
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (!headerName.test(name) || !headerValue.test(value)) return undefined
    if (!serversOwn.test(name) && !Object.hasOwn(headers, name)) put(headers, name, value)
  }
  return headers
}

/**
 * The status that the server sent in place of a message, such as 503; 0 for a message. It never throws. The client reads all headers or
 * none, and an error within the callback of a subscription ends the reading of the whole connection.
 */
export const statusOf = (msg: NatsContents): number => {
  try {
    return msg.headers?.code ?? 0
  } catch {
    return 0
  }
}

/** A header that the server adds behind those of the message, '' where there is none. Nothing throws, as in `statusOf`. */
export const addedHeader = (msg: NatsContents, name: string): string => {
  const lines = Buffer.from(rawHeaders(msg) ?? [])
    .toString()
    .split('\r\n')
  const added = lines.findLast((line) => line.startsWith(`${name}:`))
  return added?.slice(name.length + 1).trim() ?? ''
}

/** The headers as they came. The client keeps them, but has no way to ask for them. */
const rawHeaders = (msg: object): Uint8Array | undefined => {
  const own = ('msg' in msg ? msg.msg : msg) as {
    _rdata?: Uint8Array
    _msg?: { hdr: number }
    /** Present for a message that was asked for by its sequence. */
    smr?: { message: { hdrs?: string } }
  }
  if (own.smr !== undefined) return Buffer.from(own.smr.message.hdrs ?? '', 'base64')
  return own._msg === undefined ? undefined : own._rdata?.subarray(0, Math.max(0, own._msg.hdr))
}

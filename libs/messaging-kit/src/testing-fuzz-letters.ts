import assert from 'node:assert/strict'
import { drivenClock } from '@armature/async/clock'
import { UnencodableError } from './cloud-events.ts'
import { deadLetter } from '@armature/messaging/dead-letter'
import { originalHeaders, readEnvelope } from '@armature/messaging/dead-letter-envelope'
import { PublishError } from '@armature/messaging/errors'
import type { DecodedMessage } from './decode-received.ts'
import { bytesOfKey } from '@armature/messaging/message-key'
import type { Message } from '@armature/messaging/message'
import { checkPublish } from './publish-checks.ts'
import { carriedHeaders } from '@armature/messaging/raw-headers'
import { isEventTime } from '@armature/messaging/received-time'

/** The two sides of a driver's codec, with the bytes of the protocol between them. */
export interface WireCodec<Wire> {
  /** Throws PublishError or UnencodableError. */
  encode(topic: string, message: Message): Wire
  decode(topic: string, wire: Wire): DecodedMessage
  /** Headers have types of their own, which do not all come back where a name is an attribute's too. */
  readonly headersAreTyped?: true
}

/** One for all, with a short stack: an error of its own for each input takes longer than all decoders together. */
const refused = Object.assign(new Error('refused'), { stack: 'Error: refused' })
const failed = async () => {
  throw refused
}

/**
 * Checks that a received message can be handled, as the port says, and that the same driver can dead-letter it, with its body and key byte
 * for byte, and publish it again. Throws if it cannot.
 */
export const checkReceived = async <Wire>(
  { message, undecodable }: DecodedMessage,
  codec: WireCodec<Wire>,
): Promise<void> => {
  checkMessage(message)
  const sent: { topic: string; wire: Wire }[] = []
  const publish = async (topic: string, messages: readonly Message[]) => {
    for (const each of messages) sent.push({ topic, wire: encoded(codec, topic, each) })
  }
  const clock = drivenClock(1_000)
  const handle = deadLetter({ publisher: { publish, close: async () => undefined }, handler: 'fuzz', clock })(failed)
  const { signal } = new AbortController()
  if (message.topic.endsWith('.DLT')) return
  await handle({ ...message, attempt: 1, signal, ...(undecodable && { undecodable }) })
  const letter = sent[0]
  assert.ok(letter !== undefined && sent.length === 1)
  const back = codec.decode(letter.topic, letter.wire)
  assert.equal(back.undecodable, undefined)
  checkMessage(back.message)
  checkSame(back.message, message)
  assert.equal(readEnvelope(back.message.headers)?.writer, 'armature')
  const redriven = codec.decode('redriven', republished(codec, back.message))
  assert.equal(redriven.undecodable, undefined)
  checkSame(redriven.message, message)
  if (undecodable === undefined && codec.headersAreTyped !== true) checkHeaders(redriven.message, message)
}

/** Publishes the message as a redrive does. */
const republished = <Wire>(codec: WireCodec<Wire>, letter: Message): Wire => {
  const headers = originalHeaders(letter.headers)
  try {
    return encoded(codec, 'redriven', { ...letter, headers })
  } catch (error) {
    if (!(error instanceof PublishError) || error.fault !== 'bad-message') throw error
    return encoded(codec, 'redriven', { ...letter, headers: carriedHeaders(headers) })
  }
}

const encoded = <Wire>(codec: WireCodec<Wire>, topic: string, message: Message): Wire => {
  checkPublish(topic, [message], { maxMessageBytes: 1_000_000, closed: false })
  try {
    return codec.encode(topic, message)
  } catch (cause) {
    // The drivers do the same.
    if (!(cause instanceof UnencodableError)) throw cause
    throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
  }
}

const checkMessage = ({ id, key, time, headers, body, tombstone }: Message) => {
  assert.ok(id !== '' && id.isWellFormed())
  assert.ok(key?.isWellFormed() ?? true)
  assert.ok(isEventTime(time))
  for (const [name, value] of Object.entries(headers)) {
    assert.equal(typeof value, 'string')
    assert.equal(name, name.toLowerCase())
    assert.ok(value.isWellFormed(), `${name} is no text`)
  }
  assert.ok(body instanceof Uint8Array)
  if (tombstone === true) assert.equal(body.byteLength, 0)
}

const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')

const checkSame = (one: Message, other: Message) => {
  assert.equal(one.id, other.id)
  assert.equal(one.key, other.key)
  assert.equal(hex(bytesOfKey(one)), hex(bytesOfKey(other)))
  assert.equal(hex(one.body), hex(other.body))
  assert.equal(one.tombstone, other.tombstone)
  assert.equal(one.time.getTime(), other.time.getTime())
}

const reserved =
  /^(?:armatureheaders$|amqp-types$|__proto__$|dlt-raw-|x-(?:type|source|subject|dataschema|content-type)$|x-death|x-(?:first|last)-death-)/

/** The headers are those that came, where they are text, every broker carries their names and no attribute has them. */
const checkHeaders = (one: Message, other: Message) => {
  for (const [name, value] of Object.entries(other.headers)) {
    const isCarried = Object.hasOwn(carriedHeaders({ [name]: value }), name)
    const isText = !Object.hasOwn(other.headers, `dlt-raw-${name}`)
    if (isCarried && isText && !reserved.test(name)) assert.equal(one.headers[name], value, name)
  }
}

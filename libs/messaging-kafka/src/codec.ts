import { isUtf8 } from 'node:buffer'
import { encodeBinary, UnencodableError } from '@armature/messaging-kit/cloud-events'
import { binaryEnvelopeHeaders } from '@armature/messaging/dead-letter-envelope'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter-topics'
import { PublishError } from '@armature/messaging/errors'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { WholeRecord } from './apis.ts'
import { eachHeader, type FetchedRecord } from './fetched.ts'
import { encodeHeaders, type EncodedHeaders } from './headers.ts'
import { bytesOfKey } from '@armature/messaging/message-key'
import type { Message } from '@armature/messaging/message'
import { nativeHeaders } from '@armature/messaging/raw-headers'
import { receivedTime, type ReceivedTime } from '@armature/messaging/received-time'

/** Room for everything but the body: key, headers and the batch around it. Together with the default body it makes Kafka's limit. */
export const recordOverheadBytes = 48_588

/** The overhead of a batch, and of a record with lengths of five bytes. */
const batchBytes = 61
export const recordBytes = 30
const headerBytes = 10

/** A record to be sent, and how many bytes it takes at most. */
export interface SizedRecord extends WholeRecord {
  readonly bytes: number
}

/**
 * The message as a CloudEvent in binary mode (https://github.com/cloudevents/spec, Kafka protocol binding). Throws PublishError:
 * `bad-message` for what cannot be encoded, `too-large` where key and headers take more than recordOverheadBytes. Of dead letters the
 * broker decides.
 */
export const recordOf = (message: Message, source: string, timestamp: number, topic: string): SizedRecord => {
  const key = keyOf(message)
  const headers = encodeHeaders(nativeHeadersOf(message, source, topic))
  const overhead = checkedOverhead(message, key, headers, topic)
  const value = message.tombstone === true ? null : bufferOf(message.body)
  return { key, value, headers: headers.data, timestamp, bytes: overhead + message.body.byteLength }
}

/** The most bytes of the message's record beside its body. Throws PublishError if they are too many. */
export const checkedOverhead = (
  { id }: Message,
  key: Buffer | null,
  { count, contentBytes }: EncodedHeaders,
  topic: string,
): number => {
  const overhead = batchBytes + recordBytes + (key?.length ?? 0) + count * headerBytes + contentBytes
  if (overhead <= recordOverheadBytes || isDeadLetterTopic(topic)) return overhead
  const problem = `key and headers of message ${id} have ${overhead} bytes, the limit is ${recordOverheadBytes}`
  throw new PublishError(`${problem}: put what is large into the body`, { topic, fault: 'too-large' })
}

/** The headers of the record of the message. Throws PublishError for what cannot be encoded. */
export const nativeHeadersOf = (
  message: Message,
  source: string,
  topic: string,
): Readonly<Record<string, string | Buffer>> => withBinary(nativeHeaders(encoded(message, source, topic).headers))

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const keyOf = (message: Message): Buffer | null => {
  const bytes = bytesOfKey(message)
  return bytes === undefined ? null : bufferOf(bytes)
}

const encoded = (message: Message, source: string, topic: string) => {
  try {
    return encodeBinary(message, { style: 'kafka', source, nativeRecord: true })
  } catch (cause) {
    if (!(cause instanceof UnencodableError)) throw cause
    throw new PublishError(`message ${message.id}: ${cause.message}`, { topic, fault: 'bad-message', cause })
  }
}

/** The message that a record holds. Its body is a copy: a small one does not keep all that was fetched with it. */
export const messageIn = (record: FetchedRecord, topic: string, partition: number): DecodedMessage => {
  const headers = Object.create(null) as Record<string, string | Buffer>
  // Kafka allows a name many times; the last one counts, as in its Java client.
  eachHeader(record, (name, start, end, data) => {
    headers[name] = start < 0 ? '' : headerValue(name, data, start, end)
  })
  return decodeReceived(
    {
      headers,
      body: Buffer.from(record.value ?? ''),
      topic,
      keyBytes: record.key ?? undefined,
      tombstone: record.value === null ? true : undefined,
      ...storedTime(record.timestamp),
      fallbackId: `${topic}+${partition}+${record.offset}`,
    },
    'kafka',
  )
}

/** When the broker says that it stored a record. It may be any number: the producer gives it. */
export const storedTime = (timestamp: number): ReceivedTime =>
  timestamp === noTimestamp ? { receivedAt: new Date() } : receivedTime(timestamp)

const noTimestamp = -1

const binaryBytes = new Map<string, 4 | 8>(Object.entries(binaryEnvelopeHeaders))

/** With the integers of the dead-letter envelope as other tools expect them: big-endian. */
const withBinary = (headers: Readonly<Record<string, string | Buffer>>): Readonly<Record<string, string | Buffer>> => {
  let changed: Record<string, string | Buffer> | undefined
  for (const [name, bytes] of binaryBytes) {
    const value = headers[name]
    if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) continue
    const integer = BigInt(value)
    if (BigInt.asIntN(bytes * 8, integer) !== integer) continue
    const buffer = Buffer.alloc(bytes)
    if (bytes === 4) buffer.writeInt32BE(Number(integer))
    else buffer.writeBigInt64BE(integer)
    // Without a prototype, which a header may be named after.
    changed ??= Object.assign(Object.create(null) as object, headers)
    changed[name] = buffer
  }
  return changed ?? headers
}

/** Bytes where it is no text. */
const headerValue = (name: string, data: Buffer, start: number, end: number): string | Buffer => {
  const text = data.toString('utf8', start, end)
  const bytes = binaryBytes.get(name)
  // Decimal digits of the same length are text: as an integer they would be one of more than nine digits.
  if (bytes === undefined || end - start !== bytes || /^\d+$/.test(text)) {
    if (!text.includes('\ufffd') || isUtf8(data.subarray(start, end))) return text
    return Buffer.from(data.subarray(start, end))
  }
  return String(bytes === 4 ? data.readInt32BE(start) : data.readBigInt64BE(start))
}

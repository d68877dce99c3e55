import { encodeBinary } from '@armature/messaging-kit/cloud-events'
import { decodeReceived, type DecodedMessage } from '@armature/messaging-kit/decode-received'
import type { Message } from '@armature/messaging/message'
import type { StoredRecord, WireRecord } from './protocol.ts'

/** A message as a record: a CloudEvent in binary mode. Throws UnencodableError. */
export const encodeRecord = (message: Message, source: string): WireRecord => {
  const { headers, body } = encodeBinary(message, { style: 'http', source })
  return { key: message.key, headers, body: Buffer.from(body).toString('base64') }
}

/** The message of a record. Never throws: what is no CloudEvent is delivered as it came. */
export const decodeRecord = ({ topic, offset, storedAtMs, headers, body }: StoredRecord): DecodedMessage =>
  decodeReceived(
    {
      topic,
      headers,
      body: Buffer.from(body, 'base64'),
      receivedAt: new Date(storedAtMs),
      fallbackId: `${topic}+${offset}`,
    },
    'http',
  )

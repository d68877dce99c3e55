import fc from 'fast-check'
import { decodePayload, encodePayload } from '../src/codec.ts'
import { anyBytes, anyTopic } from '@armature/messaging-kit/testing-fuzz-inputs'
import { eventJson } from '@armature/messaging-kit/testing-fuzz-json'
import { checkReceived, type WireCodec } from '@armature/messaging-kit/testing-fuzz-letters'

const receivedAt = new Date(1_000)
const codec: WireCodec<Buffer> = {
  encode: (_, message) => encodePayload(message, '/fuzz'),
  decode: (topic, payload) => decodePayload(topic, payload, receivedAt),
}

/** Payloads of Redis channels: any bytes, mostly JSON. */
export const inputs = fc.record({ topic: anyTopic, payload: fc.oneof({ weight: 5, arbitrary: eventJson }, anyBytes) })

export const check = ({ topic, payload }: { topic: string; payload: Uint8Array }) =>
  checkReceived(decodePayload(topic, Buffer.from(payload), receivedAt), codec)

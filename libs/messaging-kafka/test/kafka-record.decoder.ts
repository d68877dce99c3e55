import fc from 'fast-check'
import type { FetchedRecord } from '../src/fetched.ts'
import { messageIn, recordOf } from '../src/codec.ts'
import { anyBytes, anyKey, anyTimestamp, anyTopic, headersOf } from '@armature/messaging-kit/testing-fuzz-inputs'
import { checkReceived, type WireCodec } from '@armature/messaging-kit/testing-fuzz-letters'
import { fetchedRecord } from './records.ts'

const codec: WireCodec<FetchedRecord> = {
  encode: (topic, message) => {
    const { key, value, headers, timestamp } = recordOf(message, '/fuzz', 1_000, topic)
    return { ...fetchedRecord({ key, value, timestamp }), headers: { data: headers, at: 0 } }
  },
  decode: (topic, record) => messageIn(record, topic, 0),
}

/** Records of Kafka: any key, value, headers and timestamp. */
export const inputs = fc.record({
  topic: anyTopic,
  key: anyKey,
  value: fc.option(anyBytes, { nil: undefined }),
  timestamp: anyTimestamp,
  headers: headersOf<Uint8Array | undefined>('ce_', fc.option(anyBytes, { nil: undefined })),
})

export const check = ({
  topic,
  key,
  value,
  timestamp,
  headers,
}: typeof inputs extends fc.Arbitrary<infer Input> ? Input : never) => {
  const bufferOf = (bytes: Uint8Array | string | undefined) => (bytes === undefined ? null : Buffer.from(bytes))
  const pairs = headers.map(([name, bytes]): [string, Buffer | null] => [name, bufferOf(bytes)])
  const record = fetchedRecord({ key: bufferOf(key), value: bufferOf(value), headers: pairs, timestamp })
  return checkReceived(messageIn(record, topic, 0), codec)
}

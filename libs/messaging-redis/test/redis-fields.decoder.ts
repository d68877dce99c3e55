import fc from 'fast-check'
import { decodeEntry, encodeEntry } from '../src/streams-codec.ts'
import { anyBytes, anyTopic, headersOf, wireText } from '@armature/messaging-kit/testing-fuzz-inputs'
import { checkReceived, type WireCodec } from '@armature/messaging-kit/testing-fuzz-letters'

const codec: WireCodec<readonly Buffer[]> = {
  encode: (_, message) => encodeEntry(message, '/fuzz').map((field) => Buffer.from(field as Buffer)),
  decode: (topic, fields) => decodeEntry(topic, '1000-0', fields),
}

const id = fc.oneof(
  fc.constantFrom('1795984077747-0', '0-1', '18446744073709551615-18446744073709551615', '253402300800000-0'),
  wireText,
)

/** Entries of Redis streams: any ids, fields and values. */
export const inputs = fc.record({
  topic: anyTopic,
  id,
  fields: headersOf<Uint8Array>('ce_', anyBytes),
  body: fc.option(anyBytes, { nil: undefined }),
})

export const check = ({
  topic,
  id: entry,
  fields,
  body,
}: {
  topic: string
  id: string
  fields: [string, Uint8Array | string][]
  body: Uint8Array | undefined
}) => {
  const all = body === undefined ? fields : [...fields, ['body', body] as const]
  const flat = all.flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value as Uint8Array)])
  return checkReceived(decodeEntry(topic, entry, flat), codec)
}

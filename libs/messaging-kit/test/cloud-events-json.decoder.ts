import fc from 'fast-check'
import { encodeBinary } from '../src/cloud-events.ts'
import { encodeStructured } from '../src/cloud-events-json.ts'
import { decodeReceived } from '../src/decode-received.ts'
import { anyBytes, anyTopic, headersOf, headerText } from '../src/testing-fuzz-inputs.ts'
import { eventJson } from '../src/testing-fuzz-json.ts'
import { checkReceived, type WireCodec } from '../src/testing-fuzz-letters.ts'

interface Wire {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const receivedAt = new Date(1_000)
const decode = (topic: string, { headers, body }: Wire) =>
  decodeReceived({ topic, headers, body, receivedAt, fallbackId: `${topic}+1` }, 'http')

/** A letter goes out in binary mode as ever, and once more in structured mode, which has to be the same message. */
const codec: WireCodec<Wire> = {
  encode: (_, message) => {
    const binary = encodeBinary(message, { style: 'http', source: '/fuzz' })
    const structured = encodeStructured(message, { source: '/fuzz' })
    return message.body.byteLength % 2 === 0 ? binary : structured
  },
  decode,
}

/** CloudEvents in structured mode, as JSON, with any headers beside them. */
export const inputs = fc.record({
  topic: anyTopic,
  contentType: fc.constantFrom(
    'application/cloudevents+json',
    'application/cloudevents+json; charset=utf-8',
    'text/plain',
  ),
  headers: headersOf('ce-', headerText),
  body: fc.oneof({ weight: 6, arbitrary: eventJson }, { weight: 1, arbitrary: anyBytes }),
  isPlain: fc.boolean(),
})

export const check = ({
  topic,
  contentType,
  headers,
  body,
  isPlain,
}: {
  topic: string
  contentType: string
  headers: [string, string][]
  body: Uint8Array
  isPlain: boolean
}) => {
  const beside = isPlain ? headers.filter(([name]) => !name.toLowerCase().startsWith('ce-')) : headers
  const all = Object.fromEntries([...beside, ['content-type', contentType]])
  return checkReceived(decode(topic, { headers: all, body }), codec)
}

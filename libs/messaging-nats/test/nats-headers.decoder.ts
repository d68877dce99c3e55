import { MsgImpl, type Publisher } from '@nats-io/nats-core/internal'
import fc from 'fast-check'
import { decodeMessage, encodeMessage, wireHeaders } from '../src/codec.ts'
import { anyBytes, anyTopic, headersOf, headerText } from '@armature/messaging-kit/testing-fuzz-inputs'
import { checkReceived, type WireCodec } from '@armature/messaging-kit/testing-fuzz-letters'

interface Wire {
  readonly head: Uint8Array | undefined
  readonly body: Uint8Array
}

/** The client encodes them by a method that is not in its types. */
const wireBytes = (headers: Readonly<Record<string, string>>): Uint8Array =>
  (wireHeaders(headers) as unknown as { encode(): Uint8Array }).encode()

const codec: WireCodec<Wire> = {
  encode: (topic, message) => {
    const { headers, body } = encodeMessage(topic, message, '/fuzz')
    return { head: Buffer.from(wireBytes(headers)), body }
  },
  decode: (topic, { head, body }) => {
    const parts = { hdr: head?.byteLength ?? -1, sid: 1, size: 0, subject: Buffer.from(topic) }
    const msg = new MsgImpl(parts, Buffer.concat([head ?? Buffer.of(), body]), {} as Publisher)
    return decodeMessage(msg, { topic, receivedAt: new Date(1_000), fallbackId: `${topic}+1` })
  },
}

const written = headersOf('ce-', headerText).map((pairs) =>
  Buffer.from(`NATS/1.0\r\n${pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`),
)

/** Messages of NATS: any bytes as headers, mostly such as clients write. */
export const inputs = fc.record({
  topic: anyTopic,
  head: fc.option(fc.oneof({ weight: 5, arbitrary: written }, { weight: 1, arbitrary: anyBytes }), { nil: undefined }),
  body: anyBytes,
})

export const check = ({ topic, head, body }: { topic: string; head: Uint8Array | undefined; body: Uint8Array }) =>
  checkReceived(codec.decode(topic, { head, body }), codec)

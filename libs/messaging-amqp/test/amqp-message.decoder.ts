import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { decodeAmqp, encodeAmqp, type ReceivedAmqp } from '../src/codec.ts'
import {
  anyBytes,
  anyTimestamp,
  anyTopic,
  headersOf,
  headerText,
  wireText,
} from '@armature/messaging-kit/testing-fuzz-inputs'
import { checkReceived, type WireCodec } from '@armature/messaging-kit/testing-fuzz-letters'

/** The client's own encoder and decoder of properties. */
const require = createRequire(import.meta.url)
const protocol = require(join(dirname(require.resolve('amqplib')), 'lib/defs.js')) as {
  BasicProperties: number
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer
  decode(id: number, data: Buffer): ReceivedAmqp['properties']
}

/** The part of a frame before the properties. */
const frameHeadBytes = 19

const codec: WireCodec<ReceivedAmqp> = {
  encode: (topic, message) => {
    const { content, properties } = encodeAmqp(message, {
      topic,
      source: '/fuzz',
      mandatory: true,
      plainHeaders: message.body.byteLength % 2 === 0,
      keepDeaths: topic.endsWith('.DLT'),
    })
    const frame = protocol.encodeProperties(protocol.BasicProperties, 1, content.length, properties)
    const decoded = protocol.decode(protocol.BasicProperties, frame.subarray(frameHeadBytes, -1))
    return { content, fields: { routingKey: topic }, properties: decoded }
  },
  decode: (topic, received) => decodeAmqp(received, topic),
  headersAreTyped: true,
}

const number = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger())
const table = fc.json({ maxDepth: 2 }).map((text) => JSON.parse(text) as object | null)

/** A field's value, as the client gives it. */
const fieldValue: fc.Arbitrary<string | number | boolean | object | null> = fc.oneof(
  { weight: 4, arbitrary: headerText },
  { weight: 1, arbitrary: number },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: anyBytes.map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: anyTimestamp.map((value) => ({ '!': 'timestamp', value })) },
  { weight: 1, arbitrary: table },
  { weight: 1, arbitrary: fc.constant({ '!': 'decimal', value: { places: 2, digits: 5 } }) },
)

const shortText = fc.option(fc.oneof(headerText, wireText), { nil: undefined })

/** Messages of AMQP: any headers of any types, and any properties. */
export const inputs = fc.record({
  topic: anyTopic,
  content: anyBytes,
  headers: headersOf<string | number | boolean | object | null>('cloudEvents_', fieldValue),
  properties: fc.record({
    contentType: shortText,
    contentEncoding: shortText,
    correlationId: shortText,
    replyTo: shortText,
    type: shortText,
    messageId: shortText,
    timestamp: fc.option(anyTimestamp, { nil: undefined }),
  }),
})

export const check = ({
  topic,
  content,
  headers,
  properties,
}: typeof inputs extends fc.Arbitrary<infer Input> ? Input : never) => {
  const received = { ...properties, headers: Object.fromEntries(headers) }
  return checkReceived(
    decodeAmqp({ content: Buffer.from(content), fields: { routingKey: topic }, properties: received }, 'q'),
    codec,
  )
}

import { decodeBinary, encodeBinary, type CloudEventStyle, type HeaderValue } from './cloud-events.ts'
import { message, type Message } from '@armature/messaging/message'

export const source = '/armature/test'
export const receivedAt = new Date('2030-01-01T00:00:00Z')
export const styles: CloudEventStyle[] = ['kafka', 'nats', 'http', 'amqp_', 'amqp:']

/** The message on the wire, in this style. */
export const encode = (one: Message, style: CloudEventStyle) => encodeBinary(one, { style, source })
/** The message of these headers and a body. */
export const decode = (headers: Readonly<Record<string, HeaderValue>>, style: CloudEventStyle, more = {}) =>
  decodeBinary({ headers, body: Buffer.from('x'), topic: 't', receivedAt, ...more }, style)
/** The message after it was on the wire, in this style. */
export const again = (one: Message, style: CloudEventStyle) => {
  const { headers, body } = encode(one, style)
  return decodeBinary({ headers, body, topic: one.topic, receivedAt }, style)
}

/** A message that has everything. */
export const full = message('logs.search', 'body', {
  id: 'i1',
  key: 'k1',
  time: new Date('2026-01-02T03:04:05.678Z'),
  headers: {
    source: 'https://example.com/a?b=c',
    type: 'com.example.made',
    subject: 'Euro € 😀',
    dataschema: 'https://example.com/schema',
    'content-type': 'application/json; charset=utf-8',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    correlationid: 'c 100%',
    'kafka_dlt-original-topic': 'logs.x',
    'dlt-stack': 'a\nb "c" 100% ü',
  },
})

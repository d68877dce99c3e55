import { extract, inject, inSpan, type Attributes } from '@armature/telemetry/tracing'
import { withNotes } from './delivery-notes.ts'
import type { Message } from './message.ts'
import type { Delivery, Middleware, Publisher } from './ports.ts'

export interface TraceOptions {
  /** `messaging.system`: `kafka`, `rabbitmq`, ..., or the driver's scheme. */
  readonly system: string
  /** The consumer group. */
  readonly group?: string
}

/**
 * A span `process <topic>` around the handler, the child of the one that the message's `traceparent` names. Attributes as in the semantic
 * conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/).
 */
export const trace =
  ({ system, group }: TraceOptions): Middleware =>
  (next) =>
  (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const attributes = { ...deliveryAttributes(system, delivery), 'messaging.consumer.group.name': group }
    const options = { kind: 'consumer', parent: extract(delivery.headers), attributes: defined(attributes) } as const
    return inSpan(`process ${delivery.topic}`, options, async (span) => {
      await next(noted)
      if (notes.settlement === 'dead-lettered') span.setAttribute('error.type', 'dead-lettered')
    })
  }

/**
 * The publisher with a span `send <topic>` around each publish. The span travels as `traceparent` in the headers of each message that has
 * none of its own.
 */
export const tracedPublisher = (publisher: Publisher, { system }: Pick<TraceOptions, 'system'>): Publisher => ({
  publish: (topic, messages) => {
    const [first] = messages
    const attributes = defined({
      ...operation(system, topic, 'send'),
      'messaging.batch.message_count': messages.length === 1 ? undefined : messages.length,
      'messaging.message.id': messages.length === 1 ? first?.id : undefined,
    })
    return inSpan(`send ${topic}`, { kind: 'producer', attributes }, (span) =>
      publisher.publish(
        topic,
        messages.map((message): Message => {
          if (message.headers['traceparent'] !== undefined) return message
          return { ...message, headers: inject(message.headers, span) }
        }),
      ),
    )
  },
  close: () => publisher.close(),
})

const operation = (system: string, topic: string, name: 'process' | 'send') => ({
  'messaging.system': system,
  'messaging.operation.name': name,
  'messaging.operation.type': name,
  'messaging.destination.name': topic,
})

const deliveryAttributes = (system: string, { topic, id, key, position, body }: Delivery) => ({
  ...operation(system, topic, 'process'),
  'messaging.message.id': id,
  'messaging.message.body.size': body.byteLength,
  'messaging.destination.partition.id': position === undefined ? undefined : String(position.partition),
  'messaging.kafka.offset': system === 'kafka' ? position?.offset : undefined,
  'messaging.kafka.message.key': system === 'kafka' ? key : undefined,
})

const defined = (attributes: Readonly<Record<string, string | number | undefined>>): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))

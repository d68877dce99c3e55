import { extract, inject, inSpan, takesSpans, type Attributes } from '@armature/telemetry/tracing'
import type { BatchHandler } from './batch.ts'
import { withNotes } from './delivery-notes.ts'
import { failureText } from './failure-text.ts'
import type { Message } from './message.ts'
import type { Delivery, Middleware, Publisher } from './ports.ts'
import { publishRun } from './publish-run.ts'

export interface TraceOptions {
  /** The driver's scheme. The spans have the name that the conventions give to its server as `messaging.system`. */
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
    if (!takesSpans()) return next(delivery)
    const { noted, notes } = withNotes(delivery)
    const attributes = { ...deliveryAttributes(system, delivery), 'messaging.consumer.group.name': group }
    const options = { kind: 'consumer', parent: extract(delivery.headers), attributes: defined(attributes) } as const
    return inSpan(`process ${delivery.topic}`, options, async (span) => {
      await next(noted)
      if (notes.settlement === 'dead-lettered') span.setAttribute('error.type', 'dead-lettered')
    })
  }

/**
 * A span `process <topic>` around the handler of batches, linked to the spans that the batch's messages come from: it is the child of none,
 * since a span has one parent. It says how many messages it holds and, where some of them failed, how the first one did.
 */
export const traceBatches =
  ({ system, group }: TraceOptions) =>
  (handle: BatchHandler): BatchHandler =>
  (batch, reason) => {
    const topic = topicOf(batch)
    const attributes = defined({
      ...operation(system, topic, 'process'),
      'messaging.batch.message_count': batch.length,
      'messaging.consumer.group.name': group,
    })
    const links = batch.map(({ headers }) => extract(headers))
    const options = { kind: 'consumer', parent: extract({}), links, attributes } as const
    return inSpan(nameOf('process', topic), options, async (span) => {
      const outcomes = await handle(batch, reason)
      const failed = outcomes.find((outcome) => outcome !== 'ok')
      if (failed !== undefined) span.setAttribute('error.type', failureText(failed.error).name)
      return outcomes
    })
  }

/** The topic that all have; undefined where they have several. */
const topicOf = (batch: readonly Message[]): string | undefined => {
  const topic = batch[0]?.topic
  return batch.every((message) => message.topic === topic) ? topic : undefined
}

/**
 * The publisher with a span `send <topic>` around each publish. The span travels as `traceparent` in the headers of each message that has
 * none of its own; the spans that the others name are linked.
 */
export const tracedPublisher = (publisher: Publisher, { system }: Pick<TraceOptions, 'system'>): Publisher => ({
  publish: (topic, messages) => {
    const [first] = messages
    const attributes = sendAttributes(system, topic, messages.length, first?.id)
    const links = messages.filter(hasTrace).map(({ headers }) => extract(headers))
    return inSpan(nameOf('send', topic), { kind: 'producer', attributes, links }, (span) =>
      publisher.publish(
        topic,
        messages.map((message): Message => {
          if (hasTrace(message)) return message
          return { ...message, headers: inject(message.headers, span) }
        }),
      ),
    )
  },
  publishRun: (topic, run) => {
    const attributes = sendAttributes(system, topic, run.count, `${run.idPrefix}${run.idNumbers[0]}`)
    return inSpan(nameOf('send', topic), { kind: 'producer', attributes }, (span) =>
      publishRun(publisher, topic, {
        ...run,
        kinds: run.kinds.map((headers) => (hasTrace({ headers }) ? headers : inject(headers, span))),
      }),
    )
  },
  close: () => publisher.close(),
})

/** The message with the active span as its `traceparent`, unless it has one: for what is published later, outside the span. */
export const withTrace = (message: Message): Message =>
  hasTrace(message) ? message : { ...message, headers: inject(message.headers) }

const sendAttributes = (system: string, topic: string, count: number, firstId: string | undefined): Attributes =>
  defined({
    ...operation(system, topic, 'send'),
    'messaging.batch.message_count': count === 1 ? undefined : count,
    'messaging.message.id': count === 1 ? firstId : undefined,
  })

const hasTrace = ({ headers }: Pick<Message, 'headers'>): boolean => headers['traceparent'] !== undefined

/** https://opentelemetry.io/docs/specs/semconv/attributes-registry/messaging/ has names for these; others are the scheme's. */
const systems: Readonly<Record<string, string>> = {
  amqp: 'rabbitmq',
  jetstream: 'nats',
  'redis-streams': 'redis',
}

const systemOf = (scheme: string): string => systems[scheme] ?? scheme

const nameOf = (operationName: string, topic: string | undefined): string =>
  topic === undefined ? operationName : `${operationName} ${topic}`

const operation = (scheme: string, topic: string | undefined, name: 'process' | 'send') => ({
  'messaging.system': systemOf(scheme),
  'messaging.rabbitmq.destination.routing_key': systemOf(scheme) === 'rabbitmq' ? topic : undefined,
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

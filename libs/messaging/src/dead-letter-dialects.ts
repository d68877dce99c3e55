import type { Position } from './position.ts'

/** The cause of a dead letter, as its headers say it. Members that they do not say are undefined. */
export interface DeadLetterFindings {
  /** The version of our envelope. */
  readonly version?: number | undefined
  /** The place that the message came from: its topic, or the queue or routing key that stands for it. */
  readonly topic?: string | undefined
  readonly position?: Position | undefined
  readonly group?: string | undefined
  /** The name of the handler that failed. */
  readonly handler?: string | undefined
  /** A short label. */
  readonly reason?: string | undefined
  /** The error's class. */
  readonly error?: string | undefined
  readonly message?: string | undefined
  readonly stack?: string | undefined
  /** Calls of the handler, or what its writer counts instead. */
  readonly attempts?: number | undefined
  readonly deliveries?: number | undefined
  /** When it failed the last time. */
  readonly failedAt?: Date | undefined
}

export type DeadLetterWriter =
  'armature' | 'spring' | 'kafka-connect' | 'watermill' | 'masstransit' | 'nservicebus' | 'rabbitmq'

type Headers = Readonly<Record<string, string>>

/** The form of envelope that one writer uses: the headers by which it is known, and their meanings. Names in lower case. */
export interface Dialect {
  readonly writer: DeadLetterWriter
  /** One of them says that the envelope is this writer's. */
  readonly marks: readonly string[]
  /** Names that belong to the envelope; with a `*` at the end all that begin so. */
  readonly owns: readonly string[]
  readonly read: (headers: Headers) => DeadLetterFindings
}

/** Spring Kafka, DeadLetterPublishingRecoverer: https://docs.spring.io/spring-kafka/reference/kafka/annotation-error-handling.html */
const readSpring: Dialect['read'] = (headers) => ({
  topic: headers['kafka_dlt-original-topic'],
  position: positionOf(headers['kafka_dlt-original-partition'], headers['kafka_dlt-original-offset']),
  group: headers['kafka_dlt-original-consumer-group'],
  reason: 'failed',
  error: headers['kafka_dlt-exception-cause-fqcn'] ?? headers['kafka_dlt-exception-fqcn'],
  message: headers['kafka_dlt-exception-message'],
  stack: headers['kafka_dlt-exception-stacktrace'],
  attempts: integer(headers['retry_topic-attempts']),
})

/** In the order in which they are asked: the broker's own headers come last, since another writer may have been at work before. */
export const dialects: readonly Dialect[] = [
  {
    writer: 'armature',
    marks: ['dlt-envelope-version'],
    owns: ['kafka_dlt-*', 'dlt-*'],
    read: (headers) => ({
      ...readSpring(headers),
      version: integer(headers['dlt-envelope-version']),
      handler: headers['dlt-handler'],
      reason: headers['dlt-reason'],
      attempts: integer(headers['dlt-attempts']),
      deliveries: integer(headers['dlt-deliveries']),
      failedAt: time(headers['dlt-last-failure-time']),
    }),
  },
  {
    writer: 'spring',
    marks: ['kafka_dlt-original-topic', 'kafka_dlt-exception-fqcn'],
    owns: ['kafka_dlt-*', 'kafka_original-*', 'retry_topic-*'],
    read: readSpring,
  },
  {
    // https://docs.confluent.io/platform/current/connect/concepts.html#dead-letter-queue, KIP-298
    writer: 'kafka-connect',
    marks: ['__connect.errors.topic', '__connect.errors.exception.class.name'],
    owns: ['__connect.errors.*'],
    read: (headers) => ({
      topic: headers['__connect.errors.topic'],
      position: positionOf(headers['__connect.errors.partition'], headers['__connect.errors.offset']),
      handler: headers['__connect.errors.connector.name'],
      reason: headers['__connect.errors.stage']?.toLowerCase().replaceAll('_', '-'),
      error: headers['__connect.errors.exception.class.name'],
      message: headers['__connect.errors.exception.message'],
      stack: headers['__connect.errors.exception.stacktrace'],
    }),
  },
  {
    // https://watermill.io/docs/middlewares/#poison
    writer: 'watermill',
    marks: ['reason_poisoned', 'topic_poisoned'],
    owns: ['reason_poisoned', 'topic_poisoned', 'handler_poisoned', 'subscriber_poisoned'],
    read: (headers) => ({
      topic: headers['topic_poisoned'],
      handler: headers['handler_poisoned'],
      reason: 'failed',
      message: headers['reason_poisoned'],
    }),
  },
  {
    // https://masstransit.io/documentation/concepts/exceptions
    writer: 'masstransit',
    marks: ['mt-fault-exceptiontype', 'mt-fault-message', 'mt-reason'],
    owns: ['mt-fault-*', 'mt-reason', 'mt-redelivery-count'],
    read: (headers) => ({
      topic: lastOfPath(headers['mt-fault-inputaddress']),
      handler: headers['mt-fault-consumertype'],
      reason: headers['mt-reason'] ?? 'fault',
      error: headers['mt-fault-exceptiontype'],
      message: headers['mt-fault-message'],
      stack: headers['mt-fault-stacktrace'],
      attempts: oneMore(headers['mt-fault-retrycount']),
      deliveries: oneMore(headers['mt-redelivery-count']),
      failedAt: time(headers['mt-fault-timestamp']),
    }),
  },
  {
    // https://docs.particular.net/nservicebus/recoverability/
    writer: 'nservicebus',
    marks: ['nservicebus.failedq', 'nservicebus.exceptioninfo.exceptiontype'],
    owns: ['nservicebus.failedq', 'nservicebus.exceptioninfo.*', 'nservicebus.timeoffailure', 'nservicebus.retries'],
    read: (headers) => ({
      // On MSMQ the machine follows.
      topic: headers['nservicebus.failedq']?.split('@')[0],
      handler: headers['nservicebus.processingendpoint'],
      reason: 'failed',
      error: headers['nservicebus.exceptioninfo.exceptiontype'],
      message: headers['nservicebus.exceptioninfo.message'],
      stack: headers['nservicebus.exceptioninfo.stacktrace'],
      attempts: oneMore(headers['nservicebus.retries']),
      failedAt: wireTime(headers['nservicebus.timeoffailure']),
    }),
  },
  {
    // https://www.rabbitmq.com/docs/dlx#effects
    writer: 'rabbitmq',
    marks: ['x-first-death-queue', 'x-death'],
    owns: ['x-death', 'x-first-death-*', 'x-last-death-*'],
    read: (headers) => {
      const first = firstDeath(headers['x-death'])
      return {
        topic: first.topic ?? headers['x-first-death-queue'],
        handler: first.queue ?? headers['x-first-death-queue'],
        reason: headers['x-first-death-reason'] ?? first.reason,
        attempts: first.count,
        failedAt: first.time,
      }
    },
  },
]

/** The number that decimal text stands for. */
export const integer = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined

/** The attempts after a count of repetitions. */
const oneMore = (repeats: string | undefined): number | undefined => {
  const count = integer(repeats)
  return count === undefined ? undefined : count + 1
}

const positionOf = (partition: string | undefined, offset: string | undefined): Position | undefined => {
  const at = { partition: integer(partition), offset: integer(offset) }
  return at.partition === undefined || at.offset === undefined
    ? undefined
    : { partition: at.partition, offset: at.offset }
}

/** ISO 8601 with a time. */
const time = (text: string | undefined): Date | undefined => {
  const date = new Date(text ?? NaN)
  return text === undefined || !/^\d{4}-\d\d-\d\dT/.test(text) || Number.isNaN(date.getTime()) ? undefined : date
}

/** NServiceBus writes `2026-01-31 23:59:59:123456 Z`. */
const wireTime = (text: string | undefined): Date | undefined =>
  time(text?.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)[:.](\d{3})\d* Z$/, '$1T$2.$3Z'))

/** `rabbitmq://host/vhost/queue?durable=true` names the queue. */
const lastOfPath = (address: string | undefined): string | undefined =>
  address
    ?.split('?')[0]
    ?.split(/[/:]/)
    .findLast((part) => part !== '')

interface Death {
  readonly queue?: string | undefined
  readonly topic?: string | undefined
  readonly reason?: string | undefined
  readonly count?: number | undefined
  readonly time?: Date | undefined
}

/** The oldest entry of `x-death` as JSON, an array with the newest first. A message of the default exchange was sent to the queue. */
const firstDeath = (json: string | undefined): Death => {
  let deaths: unknown
  try {
    deaths = JSON.parse(json ?? '[]')
  } catch {
    return {}
  }
  const entry: unknown = Array.isArray(deaths) ? deaths.at(-1) : undefined
  if (typeof entry !== 'object' || entry === null) return {}
  const { queue, exchange, reason, count, time: at, 'routing-keys': keys } = entry as Record<string, unknown>
  const key: unknown = Array.isArray(keys) && exchange !== '' ? keys[0] : undefined
  return {
    queue: text(queue),
    topic: text(key) ?? text(queue),
    reason: text(reason),
    count: integer(typeof count === 'number' ? String(count) : text(count)),
    time: time(text(at)),
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

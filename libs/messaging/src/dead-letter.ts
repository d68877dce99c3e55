import type { Metrics } from '@armature/telemetry/metrics'
import { systemClock, type Clock } from './clock.ts'
import { noteFailure, withNotes, type DeliveryNotes } from './delivery-notes.ts'
import { PublishError } from './errors.ts'
import { failureText, type FailureText } from './failure-text.ts'
import type { Message } from './message.ts'
import { numberOption } from './option-checks.ts'
import type { Delivery, Middleware, Publisher } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'
import { within } from './timeout.ts'

export interface DeadLetterOptions {
  /** Where the dead letters are published. */
  readonly publisher: Publisher
  /** The name of the handler, for the envelope. */
  readonly handler: string
  /** The consumer group, for the envelope. */
  readonly group?: string
  /** A publish that takes longer counts as failed. Default 30,000. */
  readonly publishTimeoutMs?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Counts `dead_letters_total` by reason and `dead_letter_errors_total`. */
  readonly metrics?: Metrics
}

const suffix = '.DLT'

/** The topic of its dead letters. */
export const deadLetterTopic = (topic: string): string => `${topic}${suffix}`

/** Whether it is one of dead letters. */
export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(suffix)

/** The version of the envelope, in its header `dlt-envelope-version`. */
export const deadLetterEnvelopeVersion = 1

/**
 * A message whose handling failed for good goes to `<topic>.DLT`, and is acknowledged when it is held there. The dead letter has
 * the message's id, key, time, body and headers, and headers that say why (`deadLetterHeaders`).
 *
 * The error is passed on instead, so that the message comes again, when the publish fails or takes too long, for a
 * RedeliverError, for a message that is from a dead-letter topic already, and when the subscription is closing. Throws
 * RangeError for options out of range.
 */
export const deadLetter = (options: DeadLetterOptions): Middleware => {
  const { publisher, clock = systemClock(), metrics } = options
  const limitMs = numberOption('publishTimeoutMs', options.publishTimeoutMs ?? 30_000, Number.MIN_VALUE)

  const send = async (delivery: Delivery, failure: FailureText, notes: DeliveryNotes) => {
    const topic = deadLetterTopic(delivery.topic)
    const publish = (why: Readonly<Record<string, string>>) => {
      const { id, key, time, headers, body } = delivery
      const letter: Message = { id, topic, key, time, headers: { ...headers, ...why }, body }
      return within({ limitMs, clock, what: `the publish to ${topic}` }, () => publisher.publish(topic, [letter]))
    }
    const why = deadLetterHeaders(delivery, failure, notes, options)
    try {
      await publish(why)
    } catch (error) {
      if (!(error instanceof PublishError) || error.fault !== 'too-large') throw error
      await publish(withoutLongHeaders(why))
    }
  }

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const { topic, signal } = delivery
    try {
      await next(noted)
      return
    } catch (error) {
      if (notes.failures === 0) noteFailure(notes, clock.now())
      if (signal.aborted || error instanceof RedeliverError || isDeadLetterTopic(topic)) throw error
      const failure = failureText(error)
      try {
        await send(delivery, failure, notes)
      } catch (publishError) {
        metrics?.count('dead_letter_errors_total', 1, { topic })
        const problem = `cannot dead-letter message ${delivery.id} of ${topic} (${failure.message})`
        throw new RedeliverError('dead-letter-failed', `${problem}: ${failureText(publishError).message}`, {
          cause: publishError,
        })
      }
      metrics?.count('dead_letters_total', 1, { topic, reason: failure.reason })
    }
    notes.settlement = 'dead-lettered'
  }
}

/**
 * The headers of a dead letter. The `kafka_dlt-` ones are those of Spring Kafka, which redrive tools read; all are strings here,
 * the Kafka driver writes partition (int32), offset and timestamp (int64, milliseconds) big-endian. `dlt-attempts` counts calls of
 * the handler in the last delivery, `dlt-deliveries` the deliveries; times are ISO 8601.
 */
const deadLetterHeaders = (
  { topic, position, time, attempt }: Delivery,
  { reason, name, message, stack }: FailureText,
  { failures, firstFailureMs = 0, lastFailureMs = 0 }: DeliveryNotes,
  { handler, group }: DeadLetterOptions,
): Readonly<Record<string, string>> => ({
  'kafka_dlt-original-topic': topic,
  ...(position === undefined
    ? {}
    : {
        'kafka_dlt-original-partition': String(position.partition),
        'kafka_dlt-original-offset': String(position.offset),
      }),
  'kafka_dlt-original-timestamp': String(time.getTime()),
  ...(group === undefined ? {} : { 'kafka_dlt-original-consumer-group': group }),
  'kafka_dlt-exception-fqcn': name,
  'kafka_dlt-exception-message': message,
  'kafka_dlt-exception-stacktrace': stack,
  'dlt-envelope-version': String(deadLetterEnvelopeVersion),
  'dlt-reason': reason,
  'dlt-handler': handler,
  'dlt-attempts': String(failures),
  'dlt-deliveries': String(attempt),
  'dlt-first-failure-time': new Date(firstFailureMs).toISOString(),
  'dlt-last-failure-time': new Date(lastFailureMs).toISOString(),
})

const shortMessageChars = 100

/** For a message whose own headers leave no room for the stack. */
const withoutLongHeaders = (why: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...why,
  'kafka_dlt-exception-message': (why['kafka_dlt-exception-message'] ?? '').slice(0, shortMessageChars).toWellFormed(),
  'kafka_dlt-exception-stacktrace': '',
})

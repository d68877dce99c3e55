import { createHash } from 'node:crypto'
import type { Metrics } from '@armature/telemetry/metrics'
import { systemClock, type Clock } from './clock.ts'
import { rawHeaderPrefix, writeEnvelope, type DeadLetterFacts } from './dead-letter-envelope.ts'
import { noteFailure, withNotes, type DeliveryNotes } from './delivery-notes.ts'
import { PublishError } from './errors.ts'
import { failureText, type FailureText } from './failure-text.ts'
import { bareMessage, type Message } from './message.ts'
import { numberOption } from './option-checks.ts'
import type { Delivery, Middleware, Publisher } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'
import { within } from './timeout.ts'
import { longestTopicBytes } from './topic-pattern.ts'

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
const quarantine = '.quarantine'

/** The topic of its dead letters. */
export const deadLetterTopic = (topic: string): string => `${topic}${suffix}`

/** Whether it is one of dead letters. */
export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(suffix)

/**
 * Where a dead letter of `topic` goes that has failed too often: `<topic>.quarantine.DLT`, which is itself a topic of dead letters, so that no
 * wildcard takes it in. A name too long for that is cut, with a hash of the whole in the place of what was cut.
 */
export const quarantineTopic = (topic: string): string => {
  const roomBytes = longestTopicBytes - quarantine.length
  if (Buffer.byteLength(topic) <= roomBytes) return `${topic}${quarantine}${suffix}`
  const hash = createHash('sha256').update(topic).digest('hex').slice(0, 16)
  let kept = topic
  while (Buffer.byteLength(kept) > roomBytes - hash.length - 1) kept = kept.slice(0, -1)
  return `${kept.replace(/[.\p{Cs}]+$/u, '')}-${hash}${quarantine}${suffix}`
}

/** Whether it is one of dead letters that failed too often. */
export const isQuarantineTopic = (topic: string): boolean => topic.endsWith(`${quarantine}${suffix}`)

/**
 * A message whose handling failed for good goes to `<topic>.DLT`, and is acknowledged when it is held there. The dead letter has
 * the message's id, key, time, headers and body or lack of one, and headers that say why (`writeEnvelope`).
 *
 * The error is passed on instead, so that the message comes again, when the publish fails or takes too long, for a
 * RedeliverError, for a message that is from a dead-letter topic already, and when the subscription is closing. Throws
 * RangeError for options out of range.
 *
 * A delivery that could not be decoded goes there at once, as it came and without a call of the handler; its headers named like attributes
 * of a CloudEvent get the prefix `dlt-raw-`.
 */
export const deadLetter = (options: DeadLetterOptions): Middleware => {
  const { publisher, clock = systemClock(), metrics } = options
  const limitMs = numberOption('publishTimeoutMs', options.publishTimeoutMs ?? 30_000, Number.MIN_VALUE)

  const send = async (delivery: Delivery, failure: FailureText, notes: DeliveryNotes) => {
    const topic = deadLetterTopic(delivery.topic)
    const publish = (own: Headers, why: Headers) => {
      const letter: Message = { ...bareMessage(delivery), topic, headers: { ...own, ...why } }
      return within({ limitMs, clock, what: `the publish to ${topic}` }, () => publisher.publish(topic, [letter]))
    }
    const own = delivery.undecodable === undefined ? delivery.headers : escaped(delivery.headers)
    const why = writeEnvelope(factsOf(delivery, failure, notes, options))
    try {
      await publish(own, why)
    } catch (error) {
      if (!(error instanceof PublishError)) throw error
      if (error.fault === 'too-large') await publish(own, withoutLongHeaders(why))
      else if (error.fault === 'bad-message') await publish(escaped(delivery.headers), why)
      else throw error
    }
  }

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const { topic, signal } = delivery
    try {
      if (delivery.undecodable !== undefined) throw delivery.undecodable
      await next(noted)
      return
    } catch (error) {
      if (notes.failures === 0 && delivery.undecodable === undefined) noteFailure(notes, clock.now())
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

type Headers = Readonly<Record<string, string>>

const factsOf = (
  { topic, position, time, attempt }: Delivery,
  { reason, name, message, stack }: FailureText,
  { failures, firstFailureMs, lastFailureMs }: DeliveryNotes,
  { handler, group, clock = systemClock() }: DeadLetterOptions,
): DeadLetterFacts => ({
  topic,
  position,
  time,
  group,
  handler,
  reason,
  error: name,
  message,
  stack,
  attempts: failures,
  deliveries: attempt,
  firstFailureMs: firstFailureMs ?? clock.now(),
  lastFailureMs: lastFailureMs ?? clock.now(),
})

/** What stands for attributes of a CloudEvent, and may be none: another event's, or just headers of these names. */
const mayBeAttribute = /^(?:source|type|content-type|ce[-_].*|cloudevents[:_].*)$/

const escaped = (headers: Headers): Headers =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      mayBeAttribute.test(name) ? `${rawHeaderPrefix}${name.replaceAll(':', '-')}` : name,
      value.toWellFormed(),
    ]),
  )

const shortMessageChars = 100

/** For a message whose own headers leave no room for the stack. */
const withoutLongHeaders = (why: Headers): Headers => ({
  ...why,
  'kafka_dlt-exception-message': (why['kafka_dlt-exception-message'] ?? '').slice(0, shortMessageChars).toWellFormed(),
  'kafka_dlt-exception-stacktrace': '',
})

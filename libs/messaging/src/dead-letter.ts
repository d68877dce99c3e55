import type { Metrics } from '@armature/telemetry/metrics'
import { systemClock, type Clock } from '@armature/async/clock'
import type { DeadLetterFacts } from './dead-letter-envelope.ts'
import { isDeadLetterTopic } from './dead-letter-topics.ts'
import { noteFailure, withNotes, type DeliveryNotes } from './delivery-notes.ts'
import { failureText, type FailureText } from './failure-text.ts'
import { messagingMetrics } from './messaging-metrics.ts'
import { numberOption } from '@armature/async/option-checks'
import type { Delivery, Middleware, Publisher } from './ports.ts'
import { publishDeadLetter } from './publish-dead-letter.ts'
import { RedeliverError } from './redeliver-error.ts'

export { deadLetterTopic, isDeadLetterTopic, isQuarantineTopic, quarantineTopic } from './dead-letter-topics.ts'

export interface DeadLetterOptions {
  /** Publishes the dead letters. */
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

/**
 * A message whose handling failed for good goes to `<topic>.DLT`, and is acknowledged when it is held there. The dead letter has
 * the message's id, key, time, headers and body or lack of one, and headers that say why (`writeEnvelope`).
 *
 * The error is passed on instead, so that the message comes again, when the publish fails or takes too long, for a
 * RedeliverError, for a message that is from a dead-letter topic already, and when the subscription is closing. Throws
 * RangeError for options out of range.
 *
 * A delivery that could not be decoded goes there at once, as it came and without a call of the handler. Its headers that no CloudEvent can
 * have get the prefix `dlt-raw-`, and so do those of any other message that the broker refuses. A letter that is too large is made
 * smaller (`letterForms`), so that whatever can be received can be dead-lettered.
 */
export const deadLetter = (options: DeadLetterOptions): Middleware => {
  const { publisher, clock = systemClock(), metrics } = options
  const timeoutMs = numberOption('publishTimeoutMs', options.publishTimeoutMs ?? 30_000, Number.MIN_VALUE)

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const { topic } = delivery
    notes.hasDeadLetters = true
    try {
      if (delivery.undecodable !== undefined) throw delivery.undecodable
      await next(noted)
      return
    } catch (error) {
      if (notes.failures === 0 && delivery.undecodable === undefined) noteFailure(notes, clock.now())
      if (delivery.signal.aborted || error instanceof RedeliverError || isDeadLetterTopic(topic)) throw error
      const failure = failureText(error)
      try {
        const facts = factsOf(delivery, failure, notes, options)
        const isUndecodable = delivery.undecodable !== undefined
        await publishDeadLetter({ publisher, message: delivery, facts, isUndecodable, timeoutMs, clock })
      } catch (publishError) {
        metrics?.count(messagingMetrics.dead_letter_errors_total, 1, { topic })
        const problem = `cannot dead-letter message ${delivery.id} of ${topic} (${failure.message})`
        throw new RedeliverError('dead-letter-failed', `${problem}: ${failureText(publishError).message}`, {
          cause: publishError,
        })
      }
      metrics?.count(messagingMetrics.dead_letters_total, 1, { topic, reason: failure.reason })
    }
    notes.settlement = 'dead-lettered'
  }
}

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

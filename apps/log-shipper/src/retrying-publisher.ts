import { backoffMs } from '@armature/async/backoff'
import type { Clock } from '@armature/async/clock'
import { unlessAborted } from '@armature/async/unless-aborted'
import { PublishError, UnrecoverableError } from '@armature/messaging/errors'
import { failureText } from '@armature/messaging/failure-text'
import type { Message } from '@armature/messaging/message'
import { messageAt, type MessageRun, partOfRun } from '@armature/messaging/message-run'
import { messagingMetrics } from '@armature/messaging/messaging-metrics'
import type { Publisher } from '@armature/messaging/ports'
import { publishRun } from '@armature/messaging/publish-run'
import { publishDeadLetter } from '@armature/messaging/publish-dead-letter'
import { withTimeout } from '@armature/messaging/timeout'
import { wait } from '@armature/async/wait'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Telemetry } from '@armature/telemetry/telemetry'

export interface RetryingPublisherOptions {
  readonly publisher: Publisher
  /** The first publish waits for it, however long. */
  readonly opened: Promise<unknown>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly topic: string
  /** A publish that takes longer counts as failed; the messages keep their ids, so a late success makes duplicates, no loss. */
  readonly publishTimeoutMs: number
  /** The longest upper end of a wait between attempts; the first one's is 100 ms, each next one's twice as long. */
  readonly maxRetryDelayMs: number
  /** Aborted when the shipper closes: what is not delivered then is rejected. */
  readonly signal: AbortSignal
  /** Numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
}

/** A message that goes to the dead-letter topic. */
export interface Unshippable {
  readonly message: Message
  readonly reason: string
  readonly problem: string
}

export interface RetryingPublisher {
  /**
   * Resolves when the broker holds all of them, in order, but for those that it refuses: these are the answer. Tries again for as
   * long as the broker is away. Rejects when the topic itself is refused, or when closed.
   */
  publish(messages: MessageRun): Promise<readonly Unshippable[]>
  /**
   * Resolves when the dead-letter topic holds all of them, but for those that it refuses in every form (`letterForms`): these are
   * the answer. Tries again like `publish`.
   */
  deadLetter(letters: readonly Unshippable[]): Promise<readonly Unshippable[]>
  /** Why the last publish failed; undefined once one succeeded. */
  readonly outage: string | undefined
}

const firstRetryDelayMs = 100

/** Delivers to one topic and its dead-letter topic, with retries that last as long as the broker is away. */
export const createRetryingPublisher = (options: RetryingPublisherOptions): RetryingPublisher => {
  const {
    publisher,
    opened,
    clock,
    telemetry,
    topic,
    publishTimeoutMs,
    maxRetryDelayMs,
    signal,
    random = Math.random,
  } = options
  const { log, metrics } = telemetry
  let outage: string | undefined

  /** Calls `attempt` until it resolves, with full jitter between. Rejects with an error that will not pass. */
  const persist = async (attempt: () => Promise<void>): Promise<void> => {
    await unlessAborted(signal, opened)
    for (let tries = 1; ; tries++) {
      try {
        await unlessAborted(signal, attempt())
        outage = undefined
        return
      } catch (error) {
        if (signal.aborted || lasts(error)) throw error
        const delayMs = backoffMs(firstRetryDelayMs, maxRetryDelayMs, tries, random)
        outage = error instanceof Error ? error.message : String(error)
        metrics.count(commonMetrics.component_errors_total, 1, { component: 'log-shipper', error_type: 'publish' })
        if (tries === 1) log.warn({ err: error, topic }, 'lines are not published yet and are tried again')
        await wait(clock, delayMs, signal)
      }
    }
  }

  const send = (messages: MessageRun) =>
    persist(() =>
      withTimeout({ limitMs: publishTimeoutMs, clock, what: `the publish to ${topic}` }, () =>
        publishRun(publisher, topic, messages),
      ),
    )

  const publish = async (messages: MessageRun): Promise<readonly Unshippable[]> => {
    const { count } = messages
    if (count === 0) return []
    try {
      await send(messages)
      return []
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      if (count === 1) return [{ message: messageAt(messages, 0, topic), reason: error.fault, problem: error.message }]
      const middle = Math.ceil(count / 2)
      const first = await publish(partOfRun(messages, 0, middle))
      return [...first, ...(await publish(partOfRun(messages, middle, count)))]
    }
  }

  /** Whether the dead-letter topic took it. */
  const letter = async ({ message, reason, problem }: Unshippable): Promise<boolean> => {
    const failure = failureText(new UnrecoverableError(reason, problem))
    const failedAtMs = clock.now()
    const facts = {
      topic: message.topic,
      time: message.time,
      handler: 'log-shipper',
      reason: failure.reason,
      error: failure.name,
      message: failure.message,
      stack: failure.stack,
      attempts: 1,
      deliveries: 1,
      firstFailureMs: failedAtMs,
      lastFailureMs: failedAtMs,
    }
    try {
      await persist(() => publishDeadLetter({ publisher, message, facts, timeoutMs: publishTimeoutMs, clock }))
    } catch (error) {
      if (signal.aborted || !isRefusal(error)) throw error
      return false
    }
    metrics.count(messagingMetrics.dead_letters_total, 1, { topic: message.topic, reason: failure.reason })
    return true
  }

  return {
    publish,
    deadLetter: async (letters) => {
      const taken = await Promise.all(letters.map(letter))
      return letters.filter((_, index) => taken[index] !== true)
    },
    get outage() {
      return outage
    },
  }
}

/** The message itself is refused. */
const isRefusal = (error: unknown): error is PublishError =>
  error instanceof PublishError && (error.fault === 'bad-message' || error.fault === 'too-large')

const lasts = (error: unknown): boolean => error instanceof PublishError && !error.retryable

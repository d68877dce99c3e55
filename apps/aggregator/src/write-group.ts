import type { Clock } from '@armature/messaging/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { within } from '@armature/messaging/timeout'
import { wait } from '@armature/messaging/wait'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { CompleteGroup } from './aggregate.ts'
import type { Sink, SinkOutcome } from './sink.ts'

export interface WriteOptions {
  readonly sink: Sink
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** Writes of one group, the first one included, before its messages are given back to the broker. */
  readonly maxAttempts: number
  /** The upper end of the first wait between attempts, doubled for each next one up to 10 s; full jitter. */
  readonly retryDelayMs: number
  /** A write that takes longer counts as failed; it may still take effect, which the sink then knows by the ids. */
  readonly writeTimeoutMs: number
  /** Aborted when the service closes: no further attempt then. */
  readonly closing: AbortSignal
  /** Numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
  /** Told after each attempt whether the sink did its part. */
  readonly onAttempt: (fault: unknown) => void
}

const longestDelayMs = 10_000
const component = 'aggregator'

/**
 * Writes complete groups. An item that the sink rejects becomes an UnrecoverableError with its reason (a dead letter, as the
 * subscription is set up); a sink that is out of order is tried again, then a RedeliverError: the messages come again later.
 */
export const groupWriter = (options: WriteOptions) => {
  const {
    sink,
    telemetry,
    clock,
    maxAttempts,
    retryDelayMs,
    writeTimeoutMs,
    closing,
    random = Math.random,
    onAttempt,
  } = options
  const { log, metrics } = telemetry

  const written = async ({ correlationKey, messages }: CompleteGroup): Promise<readonly SinkOutcome[]> => {
    const batch = messages.map((message) => ({ message, correlationKey }))
    const outcomes = await within({ limitMs: writeTimeoutMs, clock, what: 'the write to the sink' }, () =>
      sink.write(batch),
    )
    if (outcomes.length !== batch.length)
      throw new Error(`the sink answered ${outcomes.length} outcomes for ${batch.length} items`)
    return outcomes
  }

  return async (group: CompleteGroup): Promise<readonly (Error | undefined)[]> => {
    metrics.record('batch_events', group.messages.length, { mechanism: group.mechanism })
    for (let attempt = 1; ; attempt += 1) {
      try {
        const outcomes = await written(group)
        onAttempt(undefined)
        metrics.count('component_sent_events_total', outcomes.filter((one) => one === 'written').length, { component })
        return outcomes.map(asError)
      } catch (fault) {
        onAttempt(fault)
        metrics.count('component_errors_total', 1, { component, error_type: 'sink' })
        log.warn({ err: fault, attempt, events: group.messages.length }, 'the sink did not take a batch')
        if (attempt >= maxAttempts || closing.aborted)
          throw new RedeliverError('sink-outage', 'the sink did not take the batch', { cause: fault })
        const delayMs = random() * Math.min(longestDelayMs, retryDelayMs * 2 ** (attempt - 1))
        await wait(clock, delayMs, closing).catch(() => undefined)
      }
    }
  }
}

const asError = (outcome: SinkOutcome): Error | undefined =>
  typeof outcome === 'string' ? undefined : new UnrecoverableError(outcome.rejected, outcome.problem)

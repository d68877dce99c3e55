import { backoffMs } from '@armature/async/backoff'
import type { Clock } from '@armature/async/clock'
import { unlessAborted } from '@armature/async/unless-aborted'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { withTimeout } from '@armature/messaging/timeout'
import { elementAt } from '@armature/async/element-at'
import { wait } from '@armature/async/wait'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Sink, SinkBusy, SinkItem, SinkOutcome } from './sink.ts'

export interface WriteOptions {
  readonly sink: Sink
  readonly telemetry: Telemetry
  readonly clock: Clock
  /** Writes of one batch, the first one included, before its messages are given back to the broker. */
  readonly maxAttempts: number
  /** The upper end of the first wait between attempts, doubled for each next one up to 10 s; full jitter. */
  readonly retryDelayMs: number
  /** A write that takes longer counts as failed; it may still take effect, which the sink then knows by the ids. */
  readonly writeTimeoutMs: number
  /** Aborted when the service closes: no write begins then, and none is waited for. */
  readonly closing: AbortSignal
  /** Numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
  /** Called after each attempt with whether the sink did its part. */
  readonly onAttempt: (fault: unknown) => void
}

/** A group as the sink gets it. */
export interface WritableGroup {
  readonly correlationKey: string
  readonly messages: readonly Message[]
}

/** A message's error; undefined where it is in the sink. */
type Settlement = Error | undefined

const longestDelayMs = 10_000
/** A sink that asks for a longer wait is asked after this. */
const longestAskedMs = 60_000
/** Failures in a row of a message alone, each followed by a check that the sink passed, until it counts as the message's fault. */
const failuresAlone = 3
const component = 'aggregator'

/**
 * Writes complete groups. An item that the sink rejects becomes an UnrecoverableError with its reason (a dead letter, as the
 * subscription is set up). A batch that goes on failing while the sink passes its check is halved, until what fails is alone: it
 * becomes an UnrecoverableError too, or a RedeliverError where the sink says that it passes, and the others are written. A sink that is out of order is tried again, then each message
 * has a RedeliverError: it comes again later. Never rejects.
 */
export const groupWriter = (options: WriteOptions) => {
  const { sink, clock, maxAttempts, retryDelayMs, writeTimeoutMs, closing, onAttempt } = options
  const { random = Math.random } = options
  const { log, metrics } = options.telemetry

  const bounded = <T>(what: string, job: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    withTimeout({ limitMs: writeTimeoutMs, clock, what, parent: closing }, (signal) =>
      unlessAborted(signal, job(signal)),
    )

  const written = async (batch: readonly SinkItem[]): Promise<readonly SinkOutcome[]> => {
    const outcomes = await bounded('the write to the sink', (signal) => sink.write(batch, signal))
    if (outcomes.length !== batch.length)
      throw new Error(`the sink answered ${outcomes.length} outcomes for ${batch.length} items`)
    return outcomes
  }

  const sinkWorks = () =>
    bounded('the check of the sink', (signal) => sink.check(signal)).then(
      () => true,
      () => false,
    )

  /** Writes what the sink was busy for again, and each item alone at the end that may be at fault itself. */
  const settleBusy = async (
    batch: readonly SinkItem[],
    outcomes: readonly SinkOutcome[],
    attempt: number,
  ): Promise<readonly Settlement[]> => {
    const settlements = outcomes.map(asError)
    const places = outcomes.flatMap((outcome, place) => (isBusy(outcome) ? [place] : []))
    if (places.length === 0) return settlements
    const faults = outcomes.filter(isBusy)
    log.warn({ reason: faults[0]?.busy, attempt, events: places.length }, 'the sink is busy')
    let again: readonly Settlement[]
    if (attempt >= maxAttempts) {
      const works = faults.some(({ suspect }) => suspect) && (await sinkWorks())
      again = faults.map(({ busy, suspect }) => (works && suspect ? refused(busy) : outage(new Error(busy))))
    } else {
      await pause(attempt, Math.max(0, ...faults.map(({ retryAfterMs = 0 }) => retryAfterMs)))
      again = await settle(
        places.map((place) => elementAt(batch, place)),
        false,
        attempt + 1,
      )
    }
    for (const [index, place] of places.entries()) settlements[place] = again[index]
    return settlements
  }

  const settle = async (
    batch: readonly SinkItem[],
    isHalf: boolean,
    firstAttempt = 1,
  ): Promise<readonly Settlement[]> => {
    let failuresWhileSinkWorks = 0
    for (let attempt = firstAttempt; !closing.aborted; attempt += 1) {
      try {
        const outcomes = await written(batch)
        onAttempt(busyAll(outcomes))
        countOutcomes(outcomes, metrics)
        return await settleBusy(batch, outcomes, attempt)
      } catch (fault) {
        if (closing.aborted) break
        onAttempt(fault)
        metrics.count(commonMetrics.component_errors_total, 1, { component, error_type: 'sink' })
        log.warn({ err: fault, attempt, events: batch.length }, 'the sink did not take a batch')
        const goesOn = isHalf || attempt > 1 || attempt >= maxAttempts
        const works = goesOn && (await sinkWorks())
        failuresWhileSinkWorks = works ? failuresWhileSinkWorks + 1 : 0
        if (works && batch.length > 1) return halves(batch)
        if (works && fault instanceof RedeliverError) return [outage(fault)]
        if (failuresWhileSinkWorks >= failuresAlone) return [refused(fault)]
        if (attempt >= maxAttempts && !works) return batch.map(() => outage(fault))
        await pause(attempt)
      }
    }
    return batch.map(() => outage(closing.reason))
  }

  const halves = async (batch: readonly SinkItem[]): Promise<readonly Settlement[]> => {
    const middle = Math.ceil(batch.length / 2)
    const first = await settle(batch.slice(0, middle), true)
    return [...first, ...(await settle(batch.slice(middle), true))]
  }

  const pause = (attempt: number, leastMs = 0): Promise<void> => {
    const delayMs = backoffMs(retryDelayMs, longestDelayMs, attempt, random)
    return wait(clock, Math.min(leastMs, longestAskedMs) + delayMs, closing).catch(() => undefined)
  }

  return ({ correlationKey, messages }: WritableGroup): Promise<readonly Settlement[]> =>
    settle(
      messages.map((message) => ({ message, correlationKey })),
      false,
    )
}

const countOutcomes = (outcomes: readonly SinkOutcome[], metrics: Telemetry['metrics']): void => {
  const numberOf = (wanted: SinkOutcome) => outcomes.filter((one) => one === wanted).length
  metrics.count(commonMetrics.component_sent_events_total, numberOf('written'), { component })
  const repeats = numberOf('duplicate')
  const labels = { component, intentional: true, reason: 'duplicate' }
  if (repeats > 0) metrics.count(commonMetrics.component_discarded_events_total, repeats, labels)
}

const isBusy = (outcome: SinkOutcome): outcome is SinkBusy => typeof outcome === 'object' && 'busy' in outcome

/** The error that readiness shows when the sink took nothing at all. */
const busyAll = (outcomes: readonly SinkOutcome[]): Error | undefined => {
  const [first] = outcomes
  return first !== undefined && isBusy(first) && outcomes.every(isBusy) ? new Error(first.busy) : undefined
}

/** A busy item has its settlement from the next write. */
const asError = (outcome: SinkOutcome): Settlement =>
  typeof outcome === 'object' && 'rejected' in outcome
    ? new UnrecoverableError(outcome.rejected, outcome.problem)
    : undefined

const refused = (fault: unknown) =>
  new UnrecoverableError('refused-by-sink', `the sink takes other messages, not this one: ${textOf(fault)}`, {
    cause: fault,
  })

const outage = (fault: unknown) =>
  new RedeliverError('sink-outage', 'the sink did not take the batch', { cause: fault })

const textOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault))

import type { Clock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter, isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { measure } from '@armature/messaging/measure'
import type { Driver, Handler, Middleware, Subscription } from '@armature/messaging/ports'
import { isPattern } from '@armature/messaging/topic-pattern'
import { trace } from '@armature/messaging/trace'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { type Aggregate, type AggregateOptions, type CompleteGroup, createAggregate } from './aggregate.ts'
import { aggregatorMetrics } from './aggregator-metrics.ts'
import type { CompletionPolicy } from './completion.ts'
import type { Condition } from './condition.ts'
import type { Correlate } from './correlation.ts'
import type { Fold } from './fold.ts'
import { inOrderOfKey } from './in-order.ts'
import { begunGroups } from './late.ts'
import type { Sink } from './sink.ts'
import { groupWriter } from './write-group.ts'

/** The plan of one pipeline between its topic and its sink. */
export interface PipelinePlan {
  readonly name: string
  readonly topic: string
  readonly group: string
  /** Messages, and bytes of body, that are held unacknowledged at once. */
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  /** Messages that do not fulfil it are acknowledged and counted. Default: all are taken. */
  readonly filter?: Condition | undefined
  readonly correlate: Correlate
  readonly policy: CompletionPolicy
  readonly maxOpenGroups: number
  /** Default: each message goes to the sink as it is. */
  readonly fold?: Fold | undefined
  /** The groups of a key are written one after the other, in the order of their completion. */
  readonly inOrder: boolean
  /** The topic for messages that come after their group was completed, and how many messages are remembered. Default: a new group. */
  readonly late?: { readonly topic: string; readonly maxMessages: number } | undefined
  readonly maxWriteAttempts: number
  readonly writeRetryDelayMs: number
  readonly writeTimeoutMs: number
}

export interface PipelineEdges {
  readonly driver: Driver
  readonly sink: Sink
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly ledger: Ledger
}

/** A pipeline that runs. */
export interface Pipeline {
  readonly name: string
  readonly inFlight: number
  /** Why the last write failed; undefined once one succeeded. */
  readonly sinkFault: unknown
  /** Completes all open groups now; answers how many there were. */
  completeAll(): number
  /** Takes nothing new. */
  stopIntake(): Promise<void>
  /** Completes all groups and waits until they are written. */
  finish(): Promise<void>
  /** Messages that are not known to be stored come again. */
  close(): Promise<void>
}

const component = 'aggregator'

/** Subscribes to the topic, gathers what belongs together, and writes each group to the sink. Rejects with SubscribeError and ServiceError. */
export const openPipeline = async (plan: PipelinePlan, edges: PipelineEdges): Promise<Pipeline> => {
  const { driver, telemetry } = edges
  const closing = new AbortController()
  let sinkFault: unknown
  if (plan.inOrder && driver.guarantees.order === 'none') throw keepsNoOrder(plan, driver)
  const aggregate = aggregateOf(plan, edges, closing.signal, (fault) => (sinkFault = fault))
  const { group, maxInFlight, maxInFlightBytes } = plan
  const subscription: Subscription = await driver.subscribe(plan.topic, around(plan, edges)(aggregate.handle), {
    group,
    maxInFlight,
    maxInFlightBytes,
    from: 'earliest',
  })
  telemetry.metrics.observe(aggregatorMetrics.open_groups, () => aggregate.openGroups, { pipeline: plan.name })
  return runningPipeline(plan.name, aggregate, subscription, {
    sinkFault: () => sinkFault,
    close: () => closing.abort(),
  })
}

interface RunningOptions {
  /** Why the last write failed. */
  readonly sinkFault: () => unknown
  /** Called before the subscription is closed. */
  readonly close: () => void
}

/** The pipeline of an aggregate that a subscription fills. */
export const runningPipeline = (
  name: string,
  aggregate: Aggregate,
  subscription: Subscription,
  { sinkFault, close }: RunningOptions,
): Pipeline => ({
  name,
  get inFlight() {
    return subscription.inFlight
  },
  get sinkFault() {
    return sinkFault()
  },
  completeAll: () => aggregate.completeAll(),
  stopIntake: () => subscription.stop(),
  finish: () => {
    aggregate.flush()
    return subscription.idle()
  },
  close: () => {
    close()
    return subscription.close()
  },
})

const keepsNoOrder = ({ name }: PipelinePlan, { scheme }: Driver) =>
  new ServiceError(`pipeline ${name} wants the order of each key, and ${scheme}: keeps none`, {
    exitCode: exitCodes.config,
    fix: 'Read from a broker that keeps it, or leave inOrder out',
  })

const aggregateOf = (
  plan: PipelinePlan,
  { driver, sink, telemetry, clock }: PipelineEdges,
  closing: AbortSignal,
  onAttempt: (fault: unknown) => void,
): Aggregate => {
  const { correlate, policy, maxOpenGroups, fold, late } = plan
  const toSink = groupWriter({
    sink,
    telemetry,
    clock,
    maxAttempts: plan.maxWriteAttempts,
    retryDelayMs: plan.writeRetryDelayMs,
    writeTimeoutMs: plan.writeTimeoutMs,
    closing,
    onAttempt,
  })
  const write: AggregateOptions['write'] = (group) => {
    const { messages, mechanism } = group
    telemetry.metrics.record(aggregatorMetrics.batch_events, messages.length, { mechanism, pipeline: plan.name })
    return fold === undefined ? toSink(group) : writeMerged(fold, group, plan.name, toSink)
  }
  const maxWritesAtOnce = sink.maxWritesAtOnce ?? 1
  return createAggregate({
    correlate,
    policy,
    clock,
    maxOpenGroups,
    // Groups that wait for an earlier one of their key hold up no other key.
    ...(plan.inOrder
      ? { write: inOrderOfKey(write, maxWritesAtOnce, closing), maxWritesAtOnce: Infinity }
      : { write, maxWritesAtOnce }),
    ...(late && { late: { groups: begunGroups(late.maxMessages), send: sendLate(late.topic, driver, telemetry) } }),
  })
}

/** One message goes to the sink in the place of all; what becomes of it becomes of them. */
const writeMerged = async (
  fold: Fold,
  { correlationKey, messages }: CompleteGroup,
  pipeline: string,
  toSink: ReturnType<typeof groupWriter>,
): Promise<readonly (Error | undefined)[]> => {
  const merged = fold.merge(correlationKey, messages, `/armature/${component}/${pipeline}`)
  const [settlement] = await toSink({ correlationKey, messages: [merged] })
  return messages.map(() => settlement)
}

const sendLate =
  (topic: string, driver: Driver, { metrics }: Telemetry): Handler =>
  async (delivery) => {
    await driver.publish(topic, [delivery])
    metrics.count(aggregatorMetrics.late_events_total, 1)
  }

/** The middleware that every message passes before it is gathered. */
const around = (plan: PipelinePlan, { driver, telemetry, clock, ledger }: PipelineEdges): Middleware => {
  const { group } = plan
  const { metrics } = telemetry
  return compose(
    measure({ ledger, metrics, system: driver.scheme, group, clock }),
    trace({ system: driver.scheme, group }),
    withoutDeadLetters(plan, telemetry),
    deadLetter({ publisher: driver, handler: component, group, clock, metrics }),
    admission(plan, telemetry),
  )
}

/**
 * Dead letters that a wildcard takes in are not aggregated: a message that cannot be stored must not come back by another door. What comes
 * by a name is aggregated, also where that ends in `.DLT`.
 */
export const withoutDeadLetters = ({ topic }: PipelinePlan, telemetry: Telemetry): Middleware =>
  isPattern(topic) && !isDeadLetterTopic(topic)
    ? passing((message) => !isDeadLetterTopic(message.topic), 'dead-letter-topic', telemetry)
    : compose()

/** The filter of the plan, then the check of its fold. */
export const admission = ({ filter, fold }: PipelinePlan, telemetry: Telemetry): Middleware =>
  compose(
    ...(filter === undefined ? [] : [passing(filter, 'filter', telemetry)]),
    ...(fold === undefined ? [] : [checkedBy(fold)]),
  )

/** Acknowledges what is not wanted, and counts it. */
const passing =
  (isWanted: Condition, reason: string, { metrics }: Telemetry): Middleware =>
  (next) =>
  (delivery) => {
    if (isWanted(delivery)) return next(delivery)
    metrics.count(commonMetrics.component_discarded_events_total, 1, { component, intentional: true, reason })
    return Promise.resolve()
  }

const checkedBy =
  (fold: Fold): Middleware =>
  (next) =>
  async (delivery) => {
    fold.check(delivery)
    await next(delivery)
  }

import type { Clock, Cancel } from '@armature/async/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Delivery, Handler } from '@armature/messaging/ports'
import { completedBy, type CompletionPolicy, dueAt, type Group, type Mechanism } from './completion.ts'
import type { Correlate } from './correlation.ts'

export interface AggregateOptions {
  readonly correlate: Correlate
  readonly policy: CompletionPolicy
  readonly clock: Clock
  /** Groups open at once. One more completes the oldest early, by `limit`. */
  readonly maxOpenGroups: number
  /**
   * Settles a complete group: resolves to an error for each message that is not stored, undefined for each that is, in order;
   * rejects when none is known to be. One is called at a time, in the order of completion.
   */
  readonly write: (group: CompleteGroup) => Promise<readonly (Error | undefined)[]>
}

export interface CompleteGroup {
  readonly correlationKey: string
  readonly messages: readonly Delivery[]
  readonly mechanism: Mechanism
}

export interface Aggregate {
  /**
   * Holds the delivery until its group was written. Rejects with UnrecoverableError ('uncorrelated') for a message without
   * correlation key.
   */
  readonly handle: Handler
  readonly openGroups: number
  /** Completes all open groups now, and from now on each group with its first message. */
  flush(): void
}

interface Held {
  readonly delivery: Delivery
  readonly settled: PromiseWithResolvers<void>
}

interface OpenGroup extends Group {
  readonly messages: Delivery[]
  readonly held: Held[]
  bytes: number
  lastMs: number
  cancel: Cancel
}

/** The Aggregator pattern over deliveries that stay unsettled: what is held is bounded by the subscription's limits. */
export const createAggregate = (options: AggregateOptions): Aggregate => {
  const { correlate, policy, clock, maxOpenGroups, write } = options
  /** In order of their first messages. */
  const open = new Map<string, OpenGroup>()
  let writing: Promise<void> = Promise.resolve()
  let flushing = false

  const complete = (correlationKey: string, group: OpenGroup, mechanism: Mechanism) => {
    open.delete(correlationKey)
    group.cancel()
    const { messages, held } = group
    writing = writing.then(() => settle({ correlationKey, messages, mechanism }, held, write))
  }

  const begin = (correlationKey: string): OpenGroup => {
    const [oldest] = open
    if (open.size >= maxOpenGroups && oldest !== undefined) complete(...oldest, 'limit')
    const nowMs = clock.now()
    const group = { messages: [], held: [], bytes: 0, firstMs: nowMs, lastMs: nowMs, cancel: () => undefined }
    open.set(correlationKey, group)
    return group
  }

  const waitFor = (correlationKey: string, group: OpenGroup) => {
    group.cancel()
    const due = dueAt(policy, group)
    if (due === undefined) return
    group.cancel = clock.after(due.atMs - clock.now(), () => complete(correlationKey, group, due.mechanism))
  }

  return {
    get openGroups() {
      return open.size
    },
    handle: (delivery) => {
      const correlationKey = correlate(delivery)
      if (correlationKey === undefined)
        return Promise.reject(new UnrecoverableError('uncorrelated', 'the message has no correlation key'))
      const group = open.get(correlationKey) ?? begin(correlationKey)
      const settled = Promise.withResolvers<void>()
      group.messages.push(delivery)
      group.held.push({ delivery, settled })
      group.bytes += delivery.body.byteLength
      group.lastMs = clock.now()
      const mechanism = flushing ? 'flush' : completedBy(policy, group)
      if (mechanism === undefined) waitFor(correlationKey, group)
      else complete(correlationKey, group, mechanism)
      return settled.promise
    },
    flush: () => {
      flushing = true
      for (const [correlationKey, group] of open) complete(correlationKey, group, 'flush')
    },
  }
}

const settle = async (group: CompleteGroup, held: readonly Held[], write: AggregateOptions['write']): Promise<void> => {
  try {
    const errors = await write(group)
    for (const [index, { settled }] of held.entries()) {
      const error = errors[index]
      if (error === undefined) settled.resolve()
      else settled.reject(error)
    }
  } catch (error) {
    for (const { settled } of held) settled.reject(error)
  }
}

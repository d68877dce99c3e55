import type { Clock } from '@armature/async/clock'
import { createBatches } from '@armature/messaging/batches'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Delivery, Handler } from '@armature/messaging/ports'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { completedBy, type CompletionPolicy, dueAt, type Mechanism } from './completion.ts'
import type { Correlate } from './correlation.ts'
import type { BegunGroups } from './late.ts'

export interface AggregateOptions {
  readonly correlate: Correlate
  readonly policy: CompletionPolicy
  readonly clock: Clock
  /** Groups open at once. One more completes the oldest early, by `limit`. */
  readonly maxOpenGroups: number
  /** Calls of `write` at once. Default 1. */
  readonly maxWritesAtOnce?: number
  /**
   * Settles a complete group: resolves to an error for each message that is not stored, undefined for each that is, in order;
   * rejects when none is known to be. Called in the order of completion.
   */
  readonly write: (group: CompleteGroup) => Promise<readonly (Error | undefined)[]>
  /** Takes messages that come after their group was completed. Default: they begin a new group. */
  readonly late?: {
    readonly groups: BegunGroups
    /** Resolves when the message is elsewhere: it is acknowledged then. */
    readonly send: Handler
  }
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
  /** Completes all open groups now; answers how many there were. */
  completeAll(): number
  /** Completes all open groups now, and from now on each group with its first message. */
  flush(): void
}

/** The Aggregator pattern over deliveries that stay unsettled: what is held is bounded by the subscription's limits. */
export const createAggregate = (options: AggregateOptions): Aggregate => {
  const { correlate, policy, clock, maxOpenGroups, maxWritesAtOnce = 1, write, late } = options
  let flushing = false
  const groups = createBatches<Mechanism>({
    clock,
    completedBy: (group) => (flushing ? 'flush' : completedBy(policy, group)),
    dueAt: (group) => dueAt(policy, group),
    maxHandledAtOnce: maxWritesAtOnce,
    handle: async ({ key, messages, reason }) => {
      const errors = await write({ correlationKey: key, messages, mechanism: reason }).catch((fault: Error) =>
        messages.map(() => fault),
      )
      const isSettled = errors.every((error) => error === undefined || error instanceof UnrecoverableError)
      if (isSettled) late?.groups.wrote(key, messages)
      else late?.groups.gaveBack(key, messages)
      return errors.map((error) => (error === undefined ? 'ok' : { error }))
    },
  })

  const add = (key: string, delivery: Delivery): Promise<void> => {
    if (groups.open(key) === undefined && groups.openCount >= maxOpenGroups) groups.completeOldest('limit')
    late?.groups.took(key, delivery)
    return groups.add(key, delivery)
  }

  return {
    get openGroups() {
      return groups.openCount
    },
    handle: (delivery) => {
      const key = correlate(delivery)
      if (key === undefined)
        return Promise.reject(new UnrecoverableError('uncorrelated', 'the message has no correlation key'))
      if (late === undefined || groups.open(key) !== undefined) return add(key, delivery)
      switch (late.groups.latenessOf(key, delivery)) {
        case 'late':
          return late.send(delivery)
        case 'repeat':
          return Promise.resolve()
        case 'early':
          return Promise.reject(new RedeliverError('being-written', 'the group of the message is being written'))
        case undefined:
          return add(key, delivery)
      }
    },
    completeAll: () => {
      const { openCount } = groups
      groups.flush('flush')
      return openCount
    },
    flush: () => {
      flushing = true
      groups.flush('flush')
    },
  }
}

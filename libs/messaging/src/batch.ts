import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { SubscribeError } from './errors.ts'
import type { Delivery, Middleware, SubscribeOptions, Subscriber, Subscription } from './ports.ts'

/** A batch is complete at whichever comes first. */
export interface BatchPolicy {
  /** Messages. */
  readonly count: number
  /** Bytes of body. A message that would exceed it begins the next batch; one that is larger by itself goes alone. */
  readonly bytes: number
  /** Since the batch's first message. */
  readonly periodMs: number
  /** Calls of the handler at once; 1 keeps the batches in order. Default 1. */
  readonly maxBatchesInFlight?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** What became of one message of a batch. A failure is a value: only that message is not acknowledged. */
export type Outcome = 'ok' | { readonly error: unknown }

/** Why a batch was complete. */
export type BatchReason = 'count' | 'size' | 'period' | 'flush'

/**
 * Resolves to one outcome a message, in the batch's order. Rejecting, or answering with another number of outcomes, leaves
 * what happened unknown: none of the batch is acknowledged.
 */
export type BatchHandler = (batch: readonly Delivery[], reason: BatchReason) => Promise<readonly Outcome[]>

export interface BatchOptions extends SubscribeOptions {
  /** Around each message by itself: retry, dead-letter and the like see the outcome of the one message. */
  readonly middleware?: Middleware
}

export interface BatchSubscription extends Subscription {
  /** Hands the incomplete batch over now. */
  flush(): void
  /** Stops intake and hands the incomplete batch over. With `idle` after it: drained. */
  stop(): Promise<void>
}

interface Item {
  readonly delivery: Delivery
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const settings = (topic: string, policy: BatchPolicy, options: BatchOptions) => {
  const { count, bytes, periodMs, maxBatchesInFlight = 1 } = policy
  for (const [name, value] of Object.entries({ count, bytes, periodMs, maxBatchesInFlight })) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new SubscribeError(topic, `${name} of the batch is ${value}: give a whole number, 1 or more`)
  }
  // One batch more than is being handled may be collected meanwhile.
  const { maxInFlight = count * (maxBatchesInFlight + 1), maxInFlightBytes = bytes * (maxBatchesInFlight + 1) } =
    options
  if (maxInFlight < count) {
    throw new SubscribeError(
      topic,
      `maxInFlight (${maxInFlight}) is below the batch's count (${count}), which it could never reach: raise it`,
    )
  }
  return { count, bytes, periodMs, maxBatchesInFlight, maxInFlight, maxInFlightBytes }
}

/**
 * Subscribes and hands the messages over in batches, each settled by its own outcome. What is collected and not handed over
 * is unsettled, so the subscription's `maxInFlight` and `maxInFlightBytes` bound it; by default they hold one batch more than
 * is handled at once. Rejects with SubscribeError for a policy that is out of range.
 */
export const subscribeBatch = async (
  subscriber: Subscriber,
  topic: string,
  policy: BatchPolicy,
  handle: BatchHandler,
  options: BatchOptions = {},
): Promise<BatchSubscription> => {
  const { middleware = (next) => next, ...subscribeOptions } = options
  const { count, bytes, periodMs, maxBatchesInFlight, ...limits } = settings(topic, policy, options)
  const clock = policy.clock ?? systemClock()
  /** Complete, waiting for a handler's turn. */
  const complete: { items: Item[]; reason: BatchReason }[] = []
  let items: Item[] = []
  let itemBytes = 0
  let cancelPeriod: Cancel = () => undefined
  let handling = 0
  let stopped = false
  let closed = false

  const run = async (batch: readonly Item[], reason: BatchReason) => {
    try {
      const outcomes = await handle(
        batch.map(({ delivery }) => delivery),
        reason,
      )
      if (outcomes.length !== batch.length) {
        throw new Error(`the handler answered ${outcomes.length} outcomes for a batch of ${batch.length}`)
      }
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index]
        if (outcome === 'ok') resolve()
        else reject(outcome?.error ?? new Error('the handler gave the message no outcome'))
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  const pump = () => {
    while (handling < maxBatchesInFlight) {
      const next = complete.shift()
      if (next === undefined) return
      handling++
      void run(next.items, next.reason).then(() => {
        handling--
        pump()
      })
    }
  }

  const flush = (reason: BatchReason) => {
    if (items.length === 0) return
    cancelPeriod()
    complete.push({ items, reason })
    items = []
    itemBytes = 0
    pump()
  }

  const collect = (delivery: Delivery): Promise<void> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(new Error('the batch subscription is closed'))
      const size = delivery.body.byteLength
      if (items.length > 0 && itemBytes + size > bytes) flush('size')
      items.push({ delivery, resolve, reject })
      itemBytes += size
      if (items.length === 1) cancelPeriod = clock.after(stopped ? 0 : periodMs, () => flush('period'))
      if (items.length >= count) flush('count')
      else if (itemBytes >= bytes) flush('size')
    })

  const subscription = await subscriber.subscribe(topic, middleware(collect), { ...subscribeOptions, ...limits })

  const stop = async () => {
    stopped = true
    await subscription.stop()
    flush('flush')
  }

  return {
    flush: () => flush('flush'),
    stop,
    idle: () => subscription.idle(),
    get inFlight() {
      return subscription.inFlight
    },
    close: async () => {
      closed = true
      cancelPeriod()
      const abandoned = [...complete.splice(0).flatMap((batch) => batch.items), ...items.splice(0)]
      await subscription.close()
      for (const { reject } of abandoned) reject(new Error('the batch subscription is closed: the message comes again'))
    },
  }
}

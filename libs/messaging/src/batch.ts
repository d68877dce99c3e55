import { systemClock, type Clock } from '@armature/async/clock'
import { createBatches, type Outcome } from './batches.ts'
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
  let stopped = false
  const batches = createBatches<BatchReason>({
    clock: policy.clock ?? systemClock(),
    completedBy: (batch) => {
      if (batch.messages.length >= count) return 'count'
      return batch.bytes >= bytes ? 'size' : undefined
    },
    dueAt: ({ firstMs }) => ({ atMs: stopped ? firstMs : firstMs + periodMs, reason: 'period' }),
    maxHandledAtOnce: maxBatchesInFlight,
    handle: ({ messages, reason }) => handle(messages, reason),
  })

  const collect = (delivery: Delivery): Promise<void> => {
    const open = batches.open(topic)
    if (open !== undefined && open.bytes + delivery.body.byteLength > bytes) batches.flush('size')
    return batches.add(topic, delivery)
  }

  const subscription = await subscriber.subscribe(topic, middleware(collect), { ...subscribeOptions, ...limits })

  const stop = async () => {
    stopped = true
    await subscription.stop()
    batches.flush('flush')
  }

  return {
    flush: () => batches.flush('flush'),
    stop,
    idle: () => subscription.idle(),
    get inFlight() {
      return subscription.inFlight
    },
    close: async () => {
      const abandon = batches.close()
      await subscription.close()
      abandon(new Error('the batch subscription is closed: the message comes again'))
    },
  }
}

import type { Clock } from '@armature/async/clock'
import type { Delivery, StartPosition, Subscriber } from '@armature/messaging/ports'

export interface TapOptions {
  readonly topic: string
  /** End after so many were shown. Undefined: only when the signal is aborted. */
  readonly count?: number | undefined
  /** Share of the messages that is shown, 0 to 1. */
  readonly sample: number
  /** Shown a second at most. Undefined: no limit. */
  readonly perSecond: number | undefined
  readonly from: StartPosition
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly signal: AbortSignal
  readonly show: (delivery: Delivery) => Promise<void>
  /** Called once messages can come. */
  readonly onReady: () => void
}

export interface TapCounts {
  readonly shown: number
  /** Messages left out by sampling, or because they exceed the rate. */
  readonly passedOver: number
}

const maxInFlight = 100

/** Shows messages by a subscription of its own, in no group: whoever else reads them gets them all the same. */
export const tap = async (subscriber: Subscriber, options: TapOptions): Promise<TapCounts> => {
  const { topic, count = Infinity, sample, perSecond = Infinity, from, clock, random, signal, show, onReady } = options
  const done = Promise.withResolvers<void>()
  let [taken, shown, passedOver] = [0, 0, 0]
  let nextAtMs = -Infinity

  const mayShow = (): boolean => {
    if (sample < 1 && random() >= sample) return false
    const nowMs = clock.now()
    if (nowMs < nextAtMs) return false
    nextAtMs = Math.max(nextAtMs, nowMs - 1_000) + 1_000 / perSecond
    return true
  }

  const subscription = await subscriber.subscribe(
    topic,
    async (delivery) => {
      if (taken >= count || signal.aborted) return
      if (!mayShow()) {
        passedOver += 1
        return
      }
      taken += 1
      try {
        await show(delivery)
      } catch (error) {
        done.reject(error)
        return
      }
      shown += 1
      if (shown >= count) done.resolve()
    },
    { maxInFlight, from },
  )
  const stop = () => done.resolve()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    onReady()
    await done.promise
  } finally {
    signal.removeEventListener('abort', stop)
    await subscription.close()
  }
  return { shown, passedOver }
}

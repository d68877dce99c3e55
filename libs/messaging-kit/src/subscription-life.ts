import type { Subscription } from '@armature/messaging/ports'

/** `stopping`: no handler is called any more, what is in flight settles. `closing`: what is unsettled goes back to the broker. */
export type SubscriptionState = 'open' | 'stopping' | 'stopped' | 'closing' | 'closed'

export interface SubscriptionParts {
  /** Ends the intake. Called once. */
  stop(): Promise<void>
  /** Gives what is unsettled back and frees what the subscription has. Called once, after `stop`. */
  close(): Promise<void>
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>
  /** Unsettled deliveries now. */
  inFlight(): number
}

export interface SubscriptionLife extends Subscription {
  readonly state: SubscriptionState
}

/** A subscription whose `stop` and `close` may be called in any order, at once and again: each does its work once. */
export const subscriptionLife = (parts: SubscriptionParts): SubscriptionLife => {
  let state: SubscriptionState = 'open'
  let stopped: Promise<void> | undefined
  let closed: Promise<void> | undefined

  const stop = async () => {
    state = 'stopping'
    await parts.stop()
    state = 'stopped'
  }
  const close = async () => {
    await (stopped ??= stop())
    state = 'closing'
    await parts.close()
    state = 'closed'
  }

  return {
    get state() {
      return state
    },
    get inFlight() {
      return parts.inFlight()
    },
    idle: () => parts.idle(),
    stop: () => (stopped ??= stop()),
    close: () => (closed ??= close()),
  }
}

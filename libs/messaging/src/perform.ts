import type { Logger } from '@armature/telemetry/logger'
import type { Metrics } from '@armature/telemetry/metrics'
import { countRepeat, identityReused, repeatOf } from './idempotent.ts'
import { throwIfLost } from './lease.ts'
import type { ReactContext, Registration } from './on.ts'
import type { Delivery, Handler, Publisher } from './ports.ts'
import { publishAll, repliesOf } from './replies.ts'
import { withTrace } from './trace.ts'

export interface PerformParts {
  /** Publishes what a handler without a store returns. */
  readonly publisher: Pick<Publisher, 'publish'>
  readonly group: string
  readonly log: Logger
  readonly metrics: Metrics
}

/**
 * Calls the handler of a registration. The messages that it returns are held by the broker, or stored with the effects in one transaction, when
 * this resolves. An attempt whose signal is aborted stores and publishes nothing more.
 */
export const createPerform = (
  registration: Registration,
  { publisher, group, log, metrics }: PerformParts,
): Handler => {
  const { name, store } = registration.options

  const call = async (delivery: Delivery, within: unknown) => {
    const returned = await registration.react(delivery, new LazyContext(delivery, log, within))
    return returned === undefined ? [] : repliesOf(returned, name)
  }

  if (store === undefined) {
    return async (delivery) => {
      const messages = await call(delivery, undefined)
      if (messages.length === 0) return
      throwIfLost(delivery)
      await publishAll(publisher, messages)
    }
  }
  return async (delivery) => {
    const handling = { handler: group, ...repeatOf(delivery, undefined) }
    const outcome = await store.handle(handling, async (within) => {
      throwIfLost(delivery)
      const messages = await call(delivery, within)
      throwIfLost(delivery)
      return messages.map(withTrace)
    })
    if (outcome === 'reused') throw identityReused(delivery)
    if (outcome === 'repeat') countRepeat(metrics, group)
  }
}

/** Makes the logger of a message, and its signal, when its handler asks for them. */
class LazyContext implements ReactContext {
  readonly within: unknown
  readonly #delivery: Delivery
  readonly #log: Logger
  #own: Logger | undefined

  constructor(delivery: Delivery, log: Logger, within: unknown) {
    this.#delivery = delivery
    this.#log = log
    this.within = within
  }

  get log(): Logger {
    this.#own ??= this.#log.child({ id: this.#delivery.id })
    return this.#own
  }

  get signal(): AbortSignal {
    return this.#delivery.signal
  }
}

import type { Clock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter } from '@armature/messaging/dead-letter'
import { withNotes } from '@armature/messaging/delivery-notes'
import { failureText } from '@armature/messaging/failure-text'
import { measure } from '@armature/messaging/measure'
import type { Delivery, Driver, Handler, Middleware, Subscription } from '@armature/messaging/ports'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { retry } from '@armature/messaging/retry'
import { timeout } from '@armature/messaging/timeout'
import { trace, tracedPublisher } from '@armature/messaging/trace'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Registration } from './on.ts'
import { reactorMetrics } from './reactor-metrics.ts'

export interface RunnerOptions {
  readonly driver: Driver
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly ledger: Ledger
  /** The consumer group is `<group>.<handler>`. */
  readonly group: string
  /** Where the registration says nothing. */
  readonly defaults: { readonly timeoutMs: number; readonly maxInFlight: number; readonly maxInFlightBytes: number }
}

/** A registration at work. */
export interface Running extends Pick<Subscription, 'stop' | 'idle' | 'close'> {
  readonly inFlight: number
  /** Resolves when it has handled its `count` and is closed. */
  readonly counted: Promise<void>
}

/** Subscribes the handler. Rejects with what the driver refuses, and with RangeError for options out of range. */
export const runRegistration = async (registration: Registration, options: RunnerOptions): Promise<Running> => {
  const { topic, options: own, wants } = registration
  const { driver, clock, telemetry, ledger, defaults } = options
  const { metrics } = telemetry
  const group = `${options.group}.${own.name}`
  const log = telemetry.log.child({ handler: own.name })
  const counted = Promise.withResolvers<void>()

  /** A filter that throws is asked again by `react`, where it fails like a handler. */
  const mayWant = (delivery: Delivery): boolean => {
    try {
      return wants(delivery)
    } catch {
      return true
    }
  }

  const unwanted: Middleware = (next) => (delivery) => {
    if (mayWant(delivery)) return next(delivery)
    metrics.count(reactorMetrics.reactor_handled_total, 1, { handler: own.name, outcome: 'filtered' })
    return Promise.resolve()
  }

  const told: Middleware = (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    await next(noted)
    const handled = notes.settlement === undefined
    if (handled) metrics.count(reactorMetrics.reactor_handled_total, 1, { handler: own.name, outcome: 'handled' })
    else log.error({ topic: delivery.topic, id: delivery.id }, 'a message is dead-lettered')
  }

  const react: Handler = async (delivery) => {
    const { id, signal } = delivery
    try {
      await registration.react(delivery, { log: log.child({ id }), signal })
    } catch (error) {
      const { reason, name, message } = failureText(error)
      log.warn({ id, topic: delivery.topic, reason, error: name }, message)
      throw error
    }
  }

  const handle = compose(
    measure({ ledger, metrics, system: driver.scheme, group, clock }),
    trace({ system: driver.scheme, group }),
    unwanted,
    limit(own.count ?? Infinity, counted.resolve),
    told,
    deadLetter({
      publisher: tracedPublisher(driver, { system: driver.scheme }),
      handler: own.name,
      group,
      clock,
      metrics,
    }),
    own.middleware ?? ((next) => next),
    retry({ ...own.retry, clock }),
    timeout(own.timeoutMs ?? defaults.timeoutMs, { clock }),
  )(react)

  const subscription = await driver.subscribe(topic, handle, {
    group,
    maxInFlight: own.maxInFlight ?? defaults.maxInFlight,
    maxInFlightBytes: defaults.maxInFlightBytes,
    ...(own.serial === undefined ? {} : { serial: own.serial }),
    ...(own.from === undefined ? {} : { from: own.from }),
  })
  const closing = counted.promise.then(async () => {
    await subscription.stop()
    await subscription.idle()
    await subscription.close()
    log.info({ topic, count: own.count }, 'the handler has handled its count and is closed')
  })

  return {
    counted: closing,
    get inFlight() {
      return subscription.inFlight
    },
    stop: () => subscription.stop(),
    idle: () => subscription.idle(),
    close: () => subscription.close(),
  }
}

/**
 * Lets `count` messages be handled and no more: a message waits while those before it may still make up the count, and is given
 * back once it is made up. One that was dead-lettered does not count.
 */
export const limit = (count: number, onReached: () => void): Middleware => {
  let handled = 0
  let running = 0
  let waiting: (() => void)[] = []

  const wakeAll = () => {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    while (handled + running >= count) {
      if (handled >= count) throw new RedeliverError('count-reached', `${count} messages are handled`)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    running += 1
    try {
      await next(noted)
      if (notes.settlement === undefined) handled += 1
    } finally {
      running -= 1
      wakeAll()
    }
    if (handled >= count) onReached()
  }
}

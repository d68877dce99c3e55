import type { Clock } from '@armature/async/clock'
import { compose } from './compose.ts'
import { deadLetter } from './dead-letter.ts'
import { withNotes } from './delivery-notes.ts'
import { failureText } from './failure-text.ts'
import { idempotent } from './idempotent.ts'
import { measure } from './measure.ts'
import { createPerform } from './perform.ts'
import type { Delivery, Driver, Handler, Middleware, Subscription } from './ports.ts'
import { handledLimit } from './handled-limit.ts'
import { retry } from './retry.ts'
import { throttle } from './throttle.ts'
import { timeout } from './timeout.ts'
import { trace, tracedPublisher } from './trace.ts'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Registration } from './on.ts'

export interface RunHandlerOptions {
  readonly driver: Driver
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly ledger: Ledger
  /** The consumer group is `<group>.<handler>`. */
  readonly group: string
  /** Called for each message that the handler is done with, except for dead-lettered ones. */
  readonly onOutcome?: (handler: string, outcome: 'handled' | 'filtered') => void
  /** The options of a registration that names none. */
  readonly defaults: { readonly timeoutMs: number; readonly maxInFlight: number; readonly maxInFlightBytes: number }
}

/** A handler at work. */
export interface RunningHandler extends Pick<Subscription, 'stop' | 'idle' | 'close'> {
  readonly inFlight: number
  /** Resolves when it has handled its `count` and is closed. */
  readonly counted: Promise<void>
}

/** A claim outlives the attempt by this, so that the inbox can still be told how it ended. */
const leaseMarginMs = 10_000

const unchanged: Middleware = (next) => next

/** Subscribes the handler. Rejects with what the driver refuses, and with RangeError for options out of range. */
export const runHandler = async (registration: Registration, options: RunHandlerOptions): Promise<RunningHandler> => {
  const { topic, options: own, wants } = registration
  const { driver, clock, telemetry, ledger, defaults, onOutcome } = options
  const { metrics } = telemetry
  const group = `${options.group}.${own.name}`
  const log = telemetry.log.child({ handler: own.name })
  const timeoutMs = own.timeoutMs ?? defaults.timeoutMs
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
    onOutcome?.(own.name, 'filtered')
    return Promise.resolve()
  }

  const told: Middleware = (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    await next(noted)
    const handled = notes.settlement === undefined
    if (handled) onOutcome?.(own.name, 'handled')
    else log.error({ topic: delivery.topic, id: delivery.id }, 'a message is dead-lettered')
  }

  const publisher = tracedPublisher(driver, { system: driver.scheme })
  const perform = createPerform(registration, { publisher, group, log, metrics })

  const react: Handler = async (delivery) => {
    try {
      await perform(delivery)
    } catch (error) {
      const { reason, name, message } = failureText(error)
      log.warn({ id: delivery.id, topic: delivery.topic, reason, error: name }, message)
      throw error
    }
  }

  const handle = compose(
    measure({ ledger, metrics, system: driver.scheme, group, clock }),
    trace({ system: driver.scheme, group }),
    unwanted,
    own.count === undefined ? unchanged : handledLimit(own.count, counted.resolve),
    told,
    deadLetter({ publisher, handler: own.name, group, clock, metrics }),
    own.rateLimit === undefined ? unchanged : throttle({ ...own.rateLimit, clock }),
    own.middleware ?? unchanged,
    retry({ ...own.retry, clock }),
    own.idempotent === undefined
      ? unchanged
      : idempotent({ ...own.idempotent, handler: group, leaseMs: timeoutMs + leaseMarginMs, clock, metrics }),
    timeout(timeoutMs, { clock }),
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

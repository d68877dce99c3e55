import { systemClock, type Clock } from '@armature/async/clock'
import { unlessAborted } from '@armature/async/unless-aborted'
import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import type { Registration } from '@armature/messaging/on'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver } from '@armature/messaging/ports'
import { brokerInWords } from '@armature/messaging/broker-in-words'
import { runHandler, type RunHandlerOptions, type RunningHandler } from '@armature/messaging/run-handler'
import { ServiceError } from '@armature/service/faults'
import type { Service } from '@armature/service/service'
import { createLedger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { ConsumerConfig } from './consumer-settings.ts'

/** The edges of a service of handlers: its connections to the outside. */
export interface ConsumerEdges {
  readonly telemetry: Telemetry
  /** Default: the machine's. */
  readonly clock?: Clock
  readonly openMessaging: () => Promise<Driver>
}

/** The tools by which handlers open their clients at the start. */
export interface StartTools {
  /** Registers what is to be closed after the last handler has ended; the last registered is closed first. */
  readonly onClose: (close: () => Promise<void>) => void
  /**
   * Aborted when a stop is asked for, in the start or later. The start does not wait for handlers that are being made then: they should give up
   * what they wait for. What they register by `onClose` all the same is closed at once.
   */
  readonly stopping: AbortSignal
}

export interface ConsumerParts {
  /** Names the service, and its stage in the books. */
  readonly name: string
  readonly config: ConsumerConfig
  readonly edges: ConsumerEdges
  /** The handlers, or what makes them at the start: it may open what they need. */
  readonly handlers: readonly Registration[] | ((tools: StartTools) => Promise<readonly Registration[]>)
  readonly onOutcome?: RunHandlerOptions['onOutcome']
}

/**
 * A service that runs handlers on the messages of their topics, with all that such a service has: retries, dead letters, traces, metrics,
 * readiness, books, and a drain that gives back what it cannot finish in half of the deadline.
 */
export const createConsumer = ({ name, config, edges, handlers: given, onOutcome }: ConsumerParts): Service => {
  const { telemetry, clock = systemClock() } = edges
  const { metrics } = telemetry
  const running: RunningHandler[] = []
  const ended = Promise.withResolvers<number>()
  const inFlight = () => running.reduce((sum, each) => sum + each.inFlight, 0)
  const ledger = createLedger({ stage: name, inFlight, metrics })
  const { handlerTimeoutMs: timeoutMs, maxInFlight, maxInFlightBytes, group } = config
  const closers: (() => Promise<void>)[] = []
  let closed = false
  let handlers = typeof given === 'function' ? [] : given
  let driver: Driver | undefined

  const each = async (work: (one: RunningHandler) => Promise<void>): Promise<void> => {
    await Promise.all(running.map(work))
  }

  const onClose = (close: () => Promise<void>): void => {
    if (!closed) return void closers.push(close)
    close().catch((err: unknown) => telemetry.log.warn({ err }, 'what was opened during a stop could not be closed'))
  }

  return {
    name,
    telemetry,
    ended: ended.promise,
    start: async (stopping = new AbortController().signal) => {
      driver = await openedUnless(stopping, edges.openMessaging())
      observeBroker(driver, metrics)
      if (typeof given === 'function') handlers = await unlessAborted(stopping, given({ onClose, stopping }))
      checkNames(name, handlers)
      const defaults = { timeoutMs, maxInFlight, maxInFlightBytes }
      const options = { driver, clock, telemetry, ledger, group, defaults, ...(onOutcome && { onOutcome }) }
      for (const registration of handlers) {
        running.push(await unlessAborted(stopping, runHandler(registration, options)))
      }
      void Promise.all(running.map(({ counted }) => counted)).then(() => ended.resolve(0))
    },
    checks: brokerChecks,
    notReady: () => brokerNotReady(driver),
    stopIntake: () => each((one) => one.stop()),
    finish: async () => {
      // Handlers that wait for a slow other side are told to give up in time: their messages come again.
      const cancel = clock.after(config.drainDeadlineMs / 2, () => void each((one) => one.close()))
      await each((one) => one.idle())
      cancel()
    },
    close: async () => {
      closed = true
      try {
        await each((one) => one.close())
        await driver?.close()
      } finally {
        for (const closeNext of closers.splice(0).reverse()) await closeNext()
      }
    },
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      const topics = new Set(handlers.map(({ topic }) => topic))
      const broker = brokerInWords(config.messagingUrl)
      return `waits for messages on ${[...topics].join(' and ')} at ${broker}: MESSAGING_URL points at a real one`
    },
  }
}

const checkNames = (service: string, handlers: readonly Registration[]): void => {
  const names = handlers.map(({ options }) => options.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  throw new ServiceError(`two handlers of ${service} are named ${twice}, and would share a consumer group`, {
    fix: 'Give each its own name',
  })
}

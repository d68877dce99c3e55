import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { systemClock, type Clock } from '@armature/async/clock'
import { openDriver } from '@armature/messaging-drivers/open'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver } from '@armature/messaging/ports'
import { brokerInWords } from '@armature/messaging/reach'
import type { Service } from '@armature/service/service'
import { createLedger } from '@armature/telemetry/ledger'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import type { Config } from './config.ts'
import type { HandledAlert } from './handled-alert.ts'
import type { HandlerTools } from './handler-tools.ts'
import { handlers } from './handlers.ts'
import type { Registration } from './on.ts'
import { createRecent } from './recent.ts'
import { runRegistration, type Running } from './runner.ts'

const name = 'reactor'

/** What the reactor reaches the world by, apart from the webhook that its settings name. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly openMessaging: () => Promise<Driver>
}

/** Real telemetry, time and broker, as the settings say. */
export const realEdges = (config: Config): Edges => {
  const telemetry = createTelemetry({ service: name, config })
  return {
    telemetry,
    clock: systemClock(),
    openMessaging: () =>
      openDriver(config.messagingUrl, {
        source: `/armature/${name}`,
        metrics: telemetry.metrics,
        warn: (problem) => telemetry.log.warn(problem),
      }),
  }
}

export interface Reactor extends Service {
  /** The alerts that were handled last, the newest first. */
  handled(): readonly HandledAlert[]
}

/** Runs handlers on the messages of their topics: those of `handlers.ts`, or those that `create` makes. */
export const reactor = (
  config: Config,
  edges: Edges,
  create: (tools: HandlerTools) => readonly Registration[] = handlers,
): Reactor => {
  const { telemetry, clock } = edges
  const { metrics } = telemetry
  const handled = createRecent<HandledAlert>(config.keepHandled)
  const registrations = create({ config, clock, metrics, handled })
  const running: Running[] = []
  const ended = Promise.withResolvers<number>()
  const ledger = createLedger({
    stage: name,
    inFlight: () => running.reduce((sum, { inFlight }) => sum + inFlight, 0),
    metrics,
  })
  const { handlerTimeoutMs: timeoutMs, maxInFlight, maxInFlightBytes, group } = config
  let driver: Driver | undefined

  const each = async (work: (one: Running) => Promise<void>): Promise<void> => {
    await Promise.all(running.map(work))
  }

  /** Handlers that wait for a slow other side are told to give up in time: their messages come again. */
  const giveBackLate = () => clock.after(config.drainDeadlineMs / 2, () => void each((one) => one.close()))

  return {
    name,
    telemetry,
    ended: ended.promise,
    start: async (stopping = new AbortController().signal) => {
      driver = await openedUnless(stopping, edges.openMessaging())
      observeBroker(driver, metrics)
      const defaults = { timeoutMs, maxInFlight, maxInFlightBytes }
      for (const registration of registrations) {
        running.push(await runRegistration(registration, { driver, clock, telemetry, ledger, group, defaults }))
      }
      void Promise.all(running.map(({ counted }) => counted)).then(() => ended.resolve(0))
    },
    checks: brokerChecks,
    notReady: () => brokerNotReady(driver),
    stopIntake: () => each((one) => one.stop()),
    finish: async () => {
      const cancel = giveBackLate()
      await each((one) => one.idle())
      cancel()
    },
    close: async () => {
      await each((one) => one.close())
      await driver?.close()
    },
    ledger: () => [ledger.snapshot()],
    get waitsFor() {
      const topics = [...new Set(registrations.map(({ topic }) => topic))].join(' and ')
      const broker = brokerInWords(config.messagingUrl)
      return `waits for messages on ${topics} at ${broker}: MESSAGING_URL points at a real one`
    },
    handled: () => handled.list(),
  }
}

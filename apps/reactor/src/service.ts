import { systemClock, type Clock } from '@armature/async/clock'
import { createConsumer } from '@armature/consumer/consumer'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Registration } from '@armature/messaging/on'
import type { Driver } from '@armature/messaging/ports'
import type { Service } from '@armature/service/service'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import type { Config } from './config.ts'
import type { HandledAlert } from './handled-alert.ts'
import type { HandlerTools } from './handler-tools.ts'
import { handlers } from './handlers.ts'
import { loadHandlersFile } from './handlers-file.ts'
import { reactorMetrics } from './reactor-metrics.ts'
import { createRecent } from './recent.ts'

const name = 'reactor'

/** The edges of the reactor: its connections to the outside, apart from the webhook that its settings name. */
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

/** Runs handlers on the messages of their topics: those of the file that the settings name, else those that `create` makes. */
export const reactor = (
  config: Config,
  edges: Edges,
  create: (tools: HandlerTools) => readonly Registration[] = handlers,
): Reactor => {
  const { clock } = edges
  const { metrics } = edges.telemetry
  const handled = createRecent<HandledAlert>(config.keepHandled)
  const onOutcome = (handler: string, outcome: string) =>
    metrics.count(reactorMetrics.reactor_handled_total, 1, { handler, outcome })
  const { handlersFile } = config
  const tools = { config, clock, metrics, handled }
  const consumer = createConsumer({
    name,
    config,
    edges,
    handlers:
      handlersFile === undefined
        ? create(tools)
        : (startTools) => loadHandlersFile(handlersFile, { ...tools, ...startTools }),
    onOutcome,
  })
  return Object.assign(consumer, { handled: () => handled.list() })
}

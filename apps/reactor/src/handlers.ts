import type { Config } from './config.ts'
import type { Clock } from '@armature/messaging/clock'
import type { Metrics } from '@armature/telemetry/metrics'
import { forwardToWebhook } from './handlers/forward-to-webhook.ts'
import { logAlert, type HandledAlert } from './handlers/log-alert.ts'
import type { Registration } from './on.ts'
import type { Recent } from './recent.ts'

/** What handlers are made from. */
export interface HandlerTools {
  readonly config: Config
  readonly clock: Clock
  readonly metrics: Metrics
  /** The alerts that were handled last. */
  readonly handled: Recent<HandledAlert>
}

/** Every handler of the reactor. To add one: a file in handlers/ that exports a function of the tools, and its name here. */
export const handlers = (tools: HandlerTools): readonly Registration[] =>
  [logAlert, forwardToWebhook].map((create) => create(tools)).filter((each) => each !== undefined)

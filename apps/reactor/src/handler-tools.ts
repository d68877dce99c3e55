import type { Clock } from '@armature/async/clock'
import type { Metrics } from '@armature/telemetry/metrics'
import type { Config } from './config.ts'
import type { HandledAlert } from './handled-alert.ts'
import type { Recent } from './recent.ts'

/** The tools that handlers are made from. */
export interface HandlerTools {
  readonly config: Config
  readonly clock: Clock
  readonly metrics: Metrics
  /** The alerts that were handled last. */
  readonly handled: Recent<HandledAlert>
}

import type { Clock } from '@armature/async/clock'
import type { Metrics } from '@armature/telemetry/metrics'

/** Options of a driver besides its URL. Each driver takes those that concern it. */
export interface OpenOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** The CloudEvents `source` of messages that name none: a URI reference. Default `/armature`. */
  readonly source?: string
  /** Counts what a driver discards: a repeat that a stream has already. */
  readonly metrics?: Metrics
  /** Called with one line, without credentials, about something that works but not as it should. Default: a warning of the process. */
  readonly warn?: (problem: string) => void
}

import type { Clock } from '@armature/async/clock'
import type { Metrics } from '@armature/telemetry/metrics'

/** What a driver may be given besides its URL; each takes what concerns it. */
export interface OpenOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** The CloudEvents `source` of messages that name none: a URI reference. Default `/armature`. */
  readonly source?: string
  /** Counts what a driver discards: a repeat that a stream has already. */
  readonly metrics?: Metrics
  /** Is told, in one line without credentials, of what works but not as it should. Default: a warning of the process. */
  readonly warn?: (problem: string) => void
}

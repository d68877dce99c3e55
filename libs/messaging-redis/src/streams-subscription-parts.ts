import type { Clock } from '@armature/async/clock'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import type { StreamsConnection } from './streams-connection.ts'

/** The parts that every subscription of a driver needs. */
export interface StreamsSubscriptionParts {
  readonly connection: StreamsConnection
  readonly request: SubscribeRequest
  readonly clock: Clock
  /** How long an entry is pending without a renewal before another consumer claims it. */
  readonly claimIdleMs: number
  readonly closeWaitMs: number
  readonly warn: (problem: string) => void
}

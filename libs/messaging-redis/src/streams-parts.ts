import type { Clock } from '@armature/async/clock'
import type { Handler, Subscription } from '@armature/messaging/ports'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import type { StreamsLink } from './streams-connection.ts'

/** What a subscription is made of. */
export interface StreamsSubscriptionParts {
  readonly link: StreamsLink
  readonly pattern: string
  readonly handle: Handler
  readonly settings: SubscribeSettings
  readonly clock: Clock
  /** After so long without a sign of its member a message is taken over. */
  readonly claimIdleMs: number
  readonly closeWaitMs: number
  readonly warn: (problem: string) => void
  readonly onClose: (subscription: Subscription) => void
}

import type { Clock } from '@armature/async/clock'
import { within } from '@armature/async/within'
import { deliveryWindow, type DeliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife, type SubscriptionLife } from '@armature/messaging-kit/subscription-life'
import { fullAssignment, type Assignment } from './assignment.ts'
import type { ClaimedArrival } from './claim.ts'
import { claimSet, type ClaimSet } from './claim-set.ts'
import type { KafkaCluster } from './cluster.ts'
import { kafkaFetcher } from './fetcher.ts'
import { groupAssignment } from './group-assignment.ts'
import { topicOf } from './names.ts'
import { kafkaPlaces } from './places.ts'
import type { KafkaTopics } from './topics.ts'
import { watchedTopics } from './watched-topics.ts'
import { windowFeed } from './window-feed.ts'
import type { Handler, Subscription } from '@armature/messaging/ports'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'

export interface SubscriptionParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly pattern: string
  readonly group: string | undefined
  readonly handle: Handler
  readonly settings: SubscribeSettings
  readonly clock?: Clock | undefined
  readonly warn: (problem: string) => void
  /** It is over. */
  readonly ended: () => void
}

export interface KafkaSubscription extends Subscription {
  /** The partitions that cannot be read, each with the reason. */
  unreadable(): readonly string[]
}

/** How long a group waits, once it is stopped, for its unsettled messages before it leaves. */
const drainWaitMs = 30_000
const leastFetchBytes = 64 * 1024
const mostFetchBytes = 8 * 1024 * 1024

/** Reads the topics of a pattern, as a member of a group or all of them by itself. Resolves when what is published from then on comes. */
export const kafkaSubscription = async (parts: SubscriptionParts): Promise<KafkaSubscription> => {
  const { cluster, topics, pattern, group, handle, settings, clock, warn } = parts
  const window = deliveryWindow<ClaimedArrival>({ handle, settings, ...(clock === undefined ? {} : { clock }) })
  const claims = claimSet((claim) => void window.takeBack((arrival) => arrival.claim === claim))
  const watched = watchedTopics({ cluster, topics, pattern, warn })
  const places = kafkaPlaces({ cluster, topics, group, from: settings.from })
  const isOpen = () => life.state === 'open'
  const assigning = { claims, watched, places, isOpen, look: () => fetcher.look() }
  const assignment =
    group === undefined ? fullAssignment(assigning) : groupAssignment({ ...assigning, cluster, topics, group, warn })
  const fetcher = kafkaFetcher({
    ...{ cluster, topics, warn, claims: claims.all },
    ...windowFeed({ cluster, topics, window, claims, assignment, warn }),
    maxBytes: Math.min(mostFetchBytes, Math.max(leastFetchBytes, settings.maxInFlightBytes)),
  })
  const life = lifeOf(parts, { window, claims, assignment })

  topics.onReplaced(({ name }) => {
    const old = claims.all().filter((each) => each.topic === name)
    if (old.length === 0) return
    warn(`kafka: the topic ${topicOf(name)} was deleted and made again: it is read from its first message on`)
    for (const each of old) claims.letGo(each)
    assignment.topicsChanged()
  })

  /** The first place is known before anything is read. */
  const pin = async () => {
    await watched.find()
    await places.pin(watched.partitions())
  }
  try {
    await cluster.retry(`subscribing to ${pattern}`, pin, cluster.settings.connectWaitMs)
    await assignment.begin()
  } catch (error) {
    await life.close()
    throw error
  }
  void watched.watch(isOpen, assignment.topicsChanged).catch(() => undefined)

  return {
    stop: () => life.stop(),
    idle: () => life.idle(),
    unreadable: () => fetcher.unreadable(),
    get inFlight() {
      return life.inFlight
    },
    close: () => life.close(),
  }
}

interface LifeParts {
  readonly window: DeliveryWindow<ClaimedArrival>
  readonly claims: ClaimSet
  readonly assignment: Assignment
}

/** How the subscription ends: what is unsettled settles, the group is left, then the connections are cut. */
const lifeOf = ({ cluster, ended }: SubscriptionParts, { window, claims, assignment }: LifeParts): SubscriptionLife => {
  const closed = Promise.withResolvers<void>()
  /** Resolves when the group is left; nothing more to wait for where `stop` has waited for it. */
  let left: Promise<void> = Promise.resolve()
  const inTime = async (work: Promise<void>) => {
    await within(
      cluster.settings.closeWaitMs,
      work.catch(() => undefined),
    )
  }

  return subscriptionLife({
    stop: async () => {
      for (const each of claims.all()) if (each.state === 'reading') each.state = 'draining'
      window.stop()
      // The others take over once what is unsettled here is settled, or cannot be waited for.
      left = within(drainWaitMs, Promise.race([window.idle(), closed.promise])).then(() => assignment.leave())
      left.catch(() => undefined)
      if (window.inFlight > 0) return
      await inTime(left)
      left = Promise.resolve()
    },
    close: async () => {
      window.close()
      closed.resolve()
      await Promise.all([inTime(left), inTime(assignment.handedOver())])
      assignment.end()
      claims.letGoOfAll()
      cluster.close()
      ended()
    },
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
}

import { nextPlace } from './claim.ts'
import type { ClaimSet } from './claim-set.ts'
import { partitionName } from './offsets.ts'
import type { KafkaPlaces } from './places.ts'
import type { WatchedTopics } from './watched-topics.ts'

/** Which partitions of its topics a subscription claims: its share of a group, or all of them. */
export interface Assignment {
  /** Resolves when it has claimed its first partitions. Rejects with what will not pass. */
  begin(): Promise<void>
  /** The subscription's topics or their partitions are others now. */
  topicsChanged(): void
  /** Its partitions may be another member's by now: nothing new of them is handled. */
  readonly isOutOfTouch: boolean
  /** A message of a partition that is still claimed was acknowledged. */
  acked(): void
  /** Resolves when others can take over. Rejects where they have to find out by themselves. */
  leave(): Promise<void>
  /** Resolves when the partitions that move to others are handed over. */
  handedOver(): Promise<void>
  /** Nothing of it goes on by itself from now on. */
  end(): void
}

export interface AssignmentParts {
  readonly claims: ClaimSet
  readonly watched: WatchedTopics
  readonly places: KafkaPlaces
  /** Whether the subscription is neither stopping nor closed. */
  readonly isOpen: () => boolean
  /** The claims have changed. */
  readonly look: () => void
}

/** Claims all partitions, for a subscription without a group. */
export const fullAssignment = ({ claims, watched, places, isOpen, look }: AssignmentParts): Assignment => {
  const claimAll = () => {
    const all = watched.partitions()
    const kept = new Set(all.map(partitionName))
    for (const each of claims.all()) {
      if (kept.has(partitionName(each))) continue
      // It may come back as it was: a broker that has just started knows no topic.
      places.keep(nextPlace(each))
      claims.letGo(each)
    }
    for (const place of all) if (!claims.has(place)) claims.begin(places.startOf(place))
    look()
  }

  return {
    begin: async () => claimAll(),
    topicsChanged: () => {
      if (isOpen()) claimAll()
    },
    isOutOfTouch: false,
    acked: () => undefined,
    leave: () => Promise.resolve(),
    handedOver: () => Promise.resolve(),
    end: () => undefined,
  }
}

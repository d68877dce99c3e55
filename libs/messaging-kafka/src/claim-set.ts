import { newClaim, type Claim } from './claim.ts'
import { topicOf } from './names.ts'
import { partitionName, type TopicOffset, type TopicPartition } from './offsets.ts'

/** The partitions that a subscription reads: one claim for each, until it is let go of. */
export interface ClaimSet {
  /** As they are now; it may change while the caller goes over them. */
  all(): readonly Claim[]
  has(partition: TopicPartition): boolean
  /** The partition is read from this place on. */
  begin(place: TopicOffset): void
  /** How its messages settle counts for nothing from now on. */
  letGo(claim: Claim): void
  letGoOfAll(): void
}

/** No claims yet. `letGoOf` takes the messages of a claim back from their handlers. */
export const claimSet = (letGoOf: (claim: Claim) => void): ClaimSet => {
  const claims = new Map<string, Claim>()

  const letGo = (claim: Claim) => {
    if (claim.state === 'over') return
    claim.state = 'over'
    claims.delete(partitionName(claim))
    letGoOf(claim)
  }

  return {
    all: () => [...claims.values()],
    has: (partition) => claims.has(partitionName(partition)),
    begin: (place) => void claims.set(partitionName(place), newClaim(place, topicOf(place.topic))),
    letGo,
    letGoOfAll: () => {
      for (const claim of [...claims.values()]) letGo(claim)
    },
  }
}

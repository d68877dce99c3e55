import type { DeliveryWindow } from '@armature/messaging-kit/delivery-window'
import type { Assignment } from './assignment.ts'
import { arrivalOf, nextPlace, type Claim, type ClaimedArrival } from './claim.ts'
import type { ClaimSet } from './claim-set.ts'
import type { KafkaCluster } from './cluster.ts'
import type { FetchedRecord } from './fetched.ts'
import type { FetcherParts } from './fetcher.ts'
import { endsOf, partitionName } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'

export interface WindowFeedParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly window: DeliveryWindow<ClaimedArrival>
  readonly claims: ClaimSet
  readonly assignment: Assignment
  readonly warn: (problem: string) => void
}

const outOfTouchPauseMs = 20

/** How what is fetched comes to the window: while there is room, and while the claims are this subscription's own. */
export const windowFeed = (parts: WindowFeedParts): Pick<FetcherParts, 'room' | 'take' | 'outOfRange'> => {
  const { cluster, window, assignment } = parts
  const offer = (record: FetchedRecord, claim: Claim): boolean =>
    window.offer(arrivalOf(record, claim, assignment.acked))

  return {
    room: async () => {
      while (assignment.isOutOfTouch && !cluster.closed) await cluster.pause(outOfTouchPauseMs)
      await window.room()
    },
    take: (record, claim) => {
      if (assignment.isOutOfTouch) return false
      if (window.hasRoom) return offer(record, claim)
      return window.room().then(() => claim.state === 'reading' && !assignment.isOutOfTouch && offer(record, claim))
    },
    outOfRange: (claim) => goOnInLog(parts, claim),
  }
}

/** The log begins behind the place of the claim by now, or ends before it. */
const goOnInLog = async ({ cluster, topics, claims, warn }: WindowFeedParts, claim: Claim): Promise<void> => {
  const { low, high } = await endsOf({ cluster, topics }, [claim])
  const [oldest = 0, end = 0] = [low.get(partitionName(claim)), high.get(partitionName(claim))]
  if (claim.next >= oldest && claim.next <= end) return
  warn(`kafka: offset ${claim.next} of ${partitionName(claim)} is not kept any more; it goes on from ${oldest}`)
  if (claim.next < oldest) {
    // Handlers keep the messages that they have of it until these are settled: nobody else has them any more.
    claim.next = oldest
    return
  }
  claims.letGo(claim)
  claims.begin({ ...nextPlace(claim), offset: oldest })
}

import { ackTracker, type AckTracker } from '@armature/messaging-kit/ack-tracker'
import type { Arrival } from '@armature/messaging-kit/delivery-window'
import { messageIn } from './codec.ts'
import type { FetchedRecord } from './fetched.ts'
import type { TopicOffset, TopicPartition } from './offsets.ts'

/** A partition that a subscription reads. */
export interface Claim extends TopicPartition {
  /** Kafka's name of the topic; `subject` is ours. */
  readonly subject: string
  /** The life of the topic that its offsets belong to, where that is known. */
  readonly topicId: string | undefined
  /** The offset to be fetched next. */
  next: number
  /** The offset that the group is known to have committed. */
  committed: number
  /** `draining`: nothing new is fetched, what is unsettled may settle. `over`: how it settles counts for nothing. */
  state: 'reading' | 'draining' | 'over'
  readonly tracker: AckTracker
}

export interface ClaimedArrival extends Arrival {
  readonly claim: Claim
}

/**
 * Offsets beyond the oldest unsettled message that are taken in a partition; then it waits, so that one message that fails for long does not
 * make the books grow without end.
 */
export const maxSpan = 100_000

/** A claim that begins at an offset. */
export const newClaim = ({ topic, partition, offset, topicId }: TopicOffset, subject: string): Claim => ({
  topic,
  partition,
  subject,
  topicId,
  next: offset,
  committed: offset,
  state: 'reading',
  tracker: ackTracker(),
})

/**
 * The offset that the group may go on from: below the oldest unsettled message. Where none is unsettled it is what is fetched next, which may lie
 * behind offsets that no handler sees: those of transactions, and those that were cleaned away.
 */
export const placeOf = ({ tracker, partition, committed, next }: Claim): number =>
  Math.max(committed, tracker.committable(partition) ?? 0, tracker.unfinished(partition) === 0 ? next : 0)

/** The same with the life of the topic that it belongs to. */
export const nextPlace = (claim: Claim): TopicOffset => {
  const { topic, partition, topicId } = claim
  return { topic, partition, topicId, offset: placeOf(claim) }
}

/** Whether something may be fetched. */
export const wantsMore = (claim: Claim): boolean => claim.state === 'reading' && claim.next - placeOf(claim) < maxSpan

/** A record on its way to a handler; `acked` is called when it was acknowledged in time. */
export const arrivalOf = (record: FetchedRecord, claim: Claim, acked: (claim: Claim) => void): ClaimedArrival => {
  const { partition, subject, tracker } = claim
  const { offset } = record
  const { message, undecodable } = messageIn(record, subject, partition)
  tracker.received(partition, offset)
  return {
    claim,
    message,
    undecodable,
    attempt: 1,
    position: { partition, offset },
    ack: () => {
      if (claim.state === 'over') return
      tracker.settled(partition, offset)
      acked(claim)
    },
  }
}

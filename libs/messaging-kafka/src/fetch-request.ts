import { codes } from './apis.ts'
import type { Claim } from './claim.ts'
import { asked } from './cluster.ts'
import type { KafkaConnection } from './connection.ts'
import { KafkaFault } from './faults.ts'
import type { FetchedPartition } from './fetched.ts'
import { byTopic, partitionName, type TopicOffset } from './offsets.ts'

/** The place from which a claim reads on. */
export interface FetchPlace extends TopicOffset {
  readonly claim: Claim
}

/** A broker's answer for one place. */
export interface Fetched {
  readonly place: FetchPlace
  readonly partition: FetchedPartition
}

/** How long a broker may wait for something to come: as long may pass until a new partition is read. */
const maxWaitMs = 250
const maxPartitionBytes = 1024 * 1024

/**
 * Asks the leader of these places for what comes next there, about `maxBytes` in all. Each place is asked for in the life of the topic that
 * its claim belongs to. Rejects with KafkaFault where the broker answers of none.
 */
export const fetchFrom = async (
  broker: Promise<KafkaConnection>,
  places: readonly FetchPlace[],
  maxBytes: number,
): Promise<readonly Fetched[]> => {
  // An offset of a life that is over is none of the next one.
  const lives = new Map(places.map(({ topic, claim }) => [topic, claim.topicId]))
  const answer = await asked(broker, 'Fetch', {
    maxWaitTime: maxWaitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: 1,
    rackId: '',
    topics: byTopic(places, ({ partition, offset }) => ({
      partition,
      fetchOffset: String(offset),
      maxBytes: Math.min(maxPartitionBytes, maxBytes),
    })).map((each) => ({ ...each, topicId: lives.get(each.topic) })),
  })
  if (answer.errorCode !== codes.none) throw new KafkaFault(answer.errorCode, 'fetching')
  const placeOf = new Map(places.map((place) => [partitionName(place), place]))
  return answer.partitions.flatMap((partition) => {
    const place = placeOf.get(partitionName(partition))
    return place === undefined ? [] : [{ place, partition }]
  })
}

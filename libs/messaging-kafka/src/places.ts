import type { KafkaCluster } from './cluster.ts'
import { isOfLife, partitionName, placesOf, startsOf, type TopicOffset, type TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'
import type { StartPosition } from '@armature/messaging/ports'

export interface PlacesParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly group: string | undefined
  readonly from: StartPosition
}

/**
 * The offsets at which a subscription begins in its partitions. An offset counts in the life of the topic that it was kept for, and in no
 * other.
 */
export interface KafkaPlaces {
  /**
   * Asks where all that is there now begins. A group that has a place already missed nothing that came since, also in topics that are new or
   * were made again: those begin with their first message.
   */
  pin(partitions: readonly TopicPartition[]): Promise<void>
  /** The start without a group: as `pin` or `keep` said, else the first message. */
  startOf(partition: TopicPartition): TopicOffset
  /** It goes on from there if the partition comes again in the same life of its topic. */
  keep(place: TopicOffset): void
  /** The offsets from which the group goes on, and those of them that it had not committed yet. */
  ofGroup(
    partitions: readonly TopicPartition[],
  ): Promise<{ readonly all: readonly TopicOffset[]; readonly fresh: readonly TopicOffset[] }>
}

/** The number of partitions that went away and are remembered. The oldest are forgotten. */
const maxStarts = 100_000

/** Nothing is known until `pin`. */
export const kafkaPlaces = ({ cluster, topics, group, from }: PlacesParts): KafkaPlaces => {
  const starts = new Map<string, TopicOffset>()
  const idOf = (topic: string) => topics.known(topic)?.id

  const keep = (place: TopicOffset) => {
    starts.set(partitionName(place), place)
    if (starts.size > maxStarts) starts.delete(starts.keys().next().value as string)
  }

  const startOf = ({ topic, partition }: TopicPartition): TopicOffset => {
    const topicId = idOf(topic)
    const start = starts.get(partitionName({ topic, partition }))
    return { topic, partition, topicId, offset: start !== undefined && isOfLife(start, topicId) ? start.offset : 0 }
  }

  return {
    pin: async (partitions) => {
      starts.clear()
      if (partitions.length === 0) return
      if (group !== undefined && (await placesOf(cluster, group, partitions)).size > 0) return
      // Before the offsets are asked for: those of a topic that is replaced meanwhile then count for nothing.
      const places = partitions.map((place) => ({ ...place, topicId: idOf(place.topic) }))
      const offsets = await startsOf({ cluster, topics }, partitions, from)
      for (const place of places) keep({ ...place, offset: offsets.get(partitionName(place)) ?? 0 })
    },
    startOf,
    keep,
    ofGroup: async (partitions) => {
      const kept = group === undefined ? new Map<string, TopicOffset>() : await placesOf(cluster, group, partitions)
      const fresh: TopicOffset[] = []
      const all = partitions.map((partition) => {
        const start = startOf(partition)
        const place = kept.get(partitionName(partition))
        if (place !== undefined && isOfLife(place, start.topicId)) return { ...start, offset: place.offset }
        fresh.push(start)
        return start
      })
      return { all, fresh }
    },
  }
}

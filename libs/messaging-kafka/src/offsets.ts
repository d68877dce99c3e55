import { codes } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { checkCode } from './faults.ts'
import type { KafkaTopics } from './topics.ts'
import type { StartPosition } from '@armature/messaging/ports'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A place in a partition. */
export interface TopicOffset extends TopicPartition {
  readonly offset: number
  /** The life of the topic that it is a place in, where that is known. */
  readonly topicId?: string | undefined
}

/** The metadata that is committed with a group's offset, because Kafka knows the offset by the topic's name alone. */
export const placeMetadata = (topicId: string | undefined): string =>
  topicId === undefined ? '' : `topic-id:${topicId}`

/** The inverse; undefined for what others keep there. */
const topicIdIn = (metadata: string | null): string | undefined => /^topic-id:([\w-]{22})$/.exec(metadata ?? '')?.[1]

/** Whether a place belongs to this life of its topic, as far as it can be told. */
export const isOfLife = (place: { readonly topicId?: string | undefined }, topicId: string | undefined): boolean =>
  place.topicId === undefined || topicId === undefined || place.topicId === topicId

/** The times that stand for the two ends of a partition in the protocol. */
const latestTime = '-1'
const earliestTime = '-2'
const unknownOffset = -1

/** Unique among partitions. */
export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

/** The items of a request, grouped by topic. */
export const byTopic = <Item extends TopicPartition, Result>(
  items: Iterable<Item>,
  part: (item: Item) => Result,
): { topic: string; partitions: Result[] }[] =>
  [...Map.groupBy(items, ({ topic }) => topic)].map(([topic, of]) => ({ topic, partitions: of.map(part) }))

/** The offsets of these partitions at a time, by `partitionName`; -1 where nothing was stored at or after it. */
const offsetsAt = async (
  { cluster, topics }: { cluster: KafkaCluster; topics: KafkaTopics },
  partitions: readonly TopicPartition[],
  timestamp: string,
): Promise<Map<string, number>> => {
  const leaderOf = ({ topic, partition }: TopicPartition) => topics.known(topic)?.leaders[partition] ?? -1
  const found = new Map<string, number>()
  const ask = async (leader: number, of: readonly TopicPartition[]) => {
    const answer = await asked(cluster.node(leader), 'ListOffsets', {
      isolationLevel: 1,
      topics: byTopic(of, ({ partition }) => ({ partition, timestamp })),
    })
    for (const { topic, partitions: answers } of answer.responses) {
      for (const { partition, errorCode, offset } of answers) {
        checkCode(errorCode, `the offsets of ${topic}`)
        found.set(partitionName({ topic, partition }), Number(offset))
      }
    }
  }
  await Promise.all([...Map.groupBy(partitions, leaderOf)].map(([leader, of]) => ask(leader, of)))
  return found
}

export interface OffsetParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
}

/** The oldest offset that each partition keeps, and the one past the newest. */
export const endsOf = async (parts: OffsetParts, partitions: readonly TopicPartition[]) => ({
  low: await offsetsAt(parts, partitions, earliestTime),
  high: await offsetsAt(parts, partitions, latestTime),
})

/** The offset at which a new group begins in each of these partitions, by `partitionName`. */
export const startsOf = async (
  parts: OffsetParts,
  partitions: readonly TopicPartition[],
  from: StartPosition,
): Promise<Map<string, number>> => {
  if (from === 'latest') return offsetsAt(parts, partitions, latestTime)
  if (from === 'earliest') return offsetsAt(parts, partitions, earliestTime)
  if ('time' in from) {
    const [at, high] = await Promise.all([
      offsetsAt(parts, partitions, String(Math.max(0, from.time.getTime()))),
      offsetsAt(parts, partitions, latestTime),
    ])
    return new Map([...high].map(([name, end]) => [name, at.get(name) === unknownOffset ? end : (at.get(name) ?? end)]))
  }
  const { low, high } = await endsOf(parts, partitions)
  return new Map([...high].map(([name, end]) => [name, Math.min(end, Math.max(from.offset, low.get(name) ?? 0))]))
}

/**
 * The offset that the group has committed in each of these partitions, by `partitionName`, also if it is of a former life of the topic.
 * Partitions without one are left out.
 */
export const placesOf = async (
  cluster: KafkaCluster,
  group: string,
  partitions: readonly TopicPartition[],
): Promise<Map<string, TopicOffset>> => {
  const answer = await asked(cluster.coordinator(group, true), 'OffsetFetch', {
    groupId: group,
    topics: byTopic(partitions, ({ partition }) => ({ partition })),
  })
  const what = `the place of the group ${group}`
  checkCode(answer.errorCode, what)
  const places = new Map<string, TopicOffset>()
  for (const { topic, partitions: answers } of answer.responses) {
    for (const { partition, errorCode, offset, metadata } of answers) {
      if (errorCode === codes.unknownTopicOrPartition) continue
      checkCode(errorCode, what)
      if (Number(offset) < 0) continue
      const place = { topic, partition, offset: Number(offset), topicId: topicIdIn(metadata) }
      places.set(partitionName(place), place)
    }
  }
  return places
}

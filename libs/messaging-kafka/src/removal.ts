import type { StoredMessage } from '@armature/messaging/topic-browser'
import { codes, type KafkaRecord } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import type { PublishedCodec } from './compression.ts'
import { checkCode, KafkaFault } from './faults.ts'
import { kafkaLock } from './lock.ts'
import { topicOf } from './names.ts'
import type { TopicPartition } from './offsets.ts'
import { findRecords } from './removal-search.ts'
import { recordAgain, type KafkaHandle } from './stored-record.ts'
import type { Cursor, KafkaWalk } from './walk.ts'

export interface RemovalParts {
  readonly cluster: KafkaCluster
  readonly walk: KafkaWalk
}

/** A removal that has its lock. */
interface Removal extends RemovalParts {
  /** Aborted when the lock may be another's: nothing is published or cut off from then on. */
  readonly signal: AbortSignal
}

const deleteTimeoutMs = 10_000
const produceTimeoutMs = 10_000

/**
 * Removes records of a topic. Kafka cuts off prefixes only: what stays is published again first, in order. Only what was walked is cut
 * off, so nothing is lost whatever others do meanwhile; the lock keeps two removals from publishing the same again.
 */
export const kafkaRemoval = async (
  { cluster, walk }: RemovalParts,
  name: string,
  held: readonly StoredMessage[],
): Promise<void> => {
  const doing = `remove from ${topicOf(name)}`
  const { signal, release } = await kafkaLock({ cluster, group: `armature-removal.${name}`, doing })
  try {
    const handles = held.map(({ handle }) => handle as KafkaHandle)
    const byPartition = Map.groupBy(handles, ({ partition }) => partition)
    for (const cursor of await walk.cursors(name)) {
      const own = byPartition.get(cursor.place.partition) ?? []
      if (own.length > 0) await removeIn({ cluster, walk, signal }, cursor, own)
    }
  } finally {
    await release()
  }
}

/** Removes what lies in one partition. */
const removeIn = async (removal: Removal, cursor: Cursor, handles: readonly KafkaHandle[]): Promise<void> => {
  const { walk } = removal
  const { place } = cursor
  const { offsets, kept } = await findRecords(walk, cursor, handles)
  if (offsets.size === 0) return
  if (kept === 0) return deleteBelow(removal, place, Math.max(...offsets) + 1)
  // It removes nothing, and rejects where the topic lets nothing be removed: before anything is there twice.
  await deleteBelow(removal, place, cursor.next)
  // All that follows, too, so that the order stays.
  const cut = await walk.walk(cursor, (chunk) =>
    publishAgain(removal, place, chunk.filter(({ offset }) => !offsets.has(offset)).map(recordAgain)),
  )
  await deleteBelow(removal, place, cut)
}

/** In as many batches as the topic takes. A record that is too large by itself was compressed when it came. */
const publishAgain = async (
  removal: Removal,
  place: TopicPartition,
  records: readonly KafkaRecord[],
): Promise<void> => {
  if (records.length === 0 || (await produce(removal, place, records, 'none'))) return
  if (records.length === 1) {
    if (await produce(removal, place, records, 'gzip')) return
    throw new KafkaFault(codes.messageTooLarge, `publishing again to ${topicOf(place.topic)}`)
  }
  const half = Math.ceil(records.length / 2)
  await publishAgain(removal, place, records.slice(0, half))
  await publishAgain(removal, place, records.slice(half))
}

/** Publishes one batch. Answers whether the topic takes one of this size. */
const produce = (
  { cluster, walk, signal }: Removal,
  place: TopicPartition,
  messages: readonly KafkaRecord[],
  compression: PublishedCodec,
): Promise<boolean> => {
  const { topic, partition } = place
  return walk.anew(topic, async () => {
    signal.throwIfAborted()
    const answer = await asked(cluster.node(walk.leaderOf(place)), 'Produce', {
      acks: -1,
      timeout: produceTimeoutMs,
      compression,
      producerId: '-1',
      producerEpoch: 0,
      topicData: [{ topic, partitions: [{ partition, firstSequence: 0, messages }] }],
    })
    const [outcome] = answer.topics[0]?.partitions ?? []
    if (outcome?.errorCode === codes.messageTooLarge || outcome?.errorCode === codes.recordListTooLarge) return false
    checkCode(outcome?.errorCode, `publishing again to ${topicOf(topic)}`)
    return true
  })
}

/** Cuts off what lies before the offset. */
const deleteBelow = ({ cluster, walk, signal }: Removal, place: TopicPartition, offset: number): Promise<void> => {
  const { topic, partition } = place
  return walk.anew(topic, async () => {
    signal.throwIfAborted()
    const answer = await asked(cluster.node(walk.leaderOf(place)), 'DeleteRecords', {
      timeout: deleteTimeoutMs,
      topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }],
    })
    const [outcome] = answer.topics[0]?.partitions ?? []
    checkCode(outcome?.errorCode, `removing from ${topicOf(topic)}`)
  })
}

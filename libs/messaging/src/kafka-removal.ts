import { CompressionTypes } from 'kafkajs'
import { codes, type KafkaRecord } from './kafka-apis.ts'
import { asked } from './kafka-cluster.ts'
import { checkCode, KafkaFault } from './kafka-faults.ts'
import { eachHeader, type FetchedRecord } from './kafka-fetched.ts'
import { kafkaLock } from './kafka-lock.ts'
import { topicOf } from './kafka-names.ts'
import type { TopicPartition } from './kafka-offsets.ts'
import { messageIn } from './kafka-record.ts'
import type { Cursor, KafkaWalk, WalkParts } from './kafka-walk.ts'
import type { Held } from './topic-browser.ts'

const deleteTimeoutMs = 10_000
const produceTimeoutMs = 10_000

/** A record as `browse` gives it. */
export const heldOf = (topic: string, record: FetchedRecord, partition: number): Held => {
  const position = { partition, offset: record.offset }
  const { message } = messageIn(record, topic, partition)
  return { ...message, storedAt: new Date(record.timestamp), position, handle: position }
}

/**
 * Removes records of a topic. Kafka cuts off prefixes only: what stays is published again first, in order. Only what was walked is cut
 * off, so nothing is lost whatever others do meanwhile; the lock keeps two removals from publishing the same again.
 */
export const kafkaRemoval = async (
  { cluster, walk }: Pick<WalkParts, 'cluster'> & { readonly walk: KafkaWalk },
  name: string,
  held: readonly Held[],
): Promise<void> => {
  const topic = topicOf(name)
  const doing = `remove from ${topic}`
  const { signal, release } = await kafkaLock({ cluster, group: `armature-removal.${name}`, doing })

  /** Whether the topic takes a batch of this size. */
  const produce = (place: TopicPartition, messages: readonly KafkaRecord[], compression: CompressionTypes) =>
    walk.anew(name, async (): Promise<boolean> => {
      signal.throwIfAborted()
      const answer = await asked(cluster.node(walk.leaderOf(place)), 'Produce', {
        acks: -1,
        timeout: produceTimeoutMs,
        compression,
        producerId: '-1',
        producerEpoch: 0,
        topicData: [{ topic: name, partitions: [{ partition: place.partition, firstSequence: 0, messages }] }],
      })
      const [outcome] = answer.topics[0]?.partitions ?? []
      if (outcome?.errorCode === codes.messageTooLarge || outcome?.errorCode === codes.recordListTooLarge) return false
      checkCode(outcome?.errorCode, `publishing again to ${topic}`)
      return true
    })

  /** In as many batches as the topic takes. A record that is too large by itself was compressed when it came. */
  const publishAgain = async (place: TopicPartition, records: readonly KafkaRecord[]): Promise<void> => {
    if (records.length === 0 || (await produce(place, records, CompressionTypes.None))) return
    if (records.length === 1) {
      if (await produce(place, records, CompressionTypes.GZIP)) return
      throw new KafkaFault(codes.messageTooLarge, `publishing again to ${topic}`)
    }
    const half = Math.ceil(records.length / 2)
    await publishAgain(place, records.slice(0, half))
    await publishAgain(place, records.slice(half))
  }

  /** The offsets of these; of one that an earlier removal published again, where it is now. */
  const offsetsNow = async (cursor: Cursor, own: readonly Held[]): Promise<Set<number>> => {
    const offsets = new Set(own.map(({ position }) => position?.offset ?? 0).filter((offset) => offset >= cursor.next))
    const moved = new Map<string, number>()
    for (const each of own) {
      if ((each.position?.offset ?? 0) >= cursor.next) continue
      moved.set(identity(each), (moved.get(identity(each)) ?? 0) + 1)
    }
    if (moved.size === 0) return offsets
    await walk.walk(cursor, (chunk) => {
      for (const record of chunk) {
        const who = identity(heldOf(topic, record, cursor.place.partition))
        const left = moved.get(who) ?? 0
        if (left === 0) continue
        moved.set(who, left - 1)
        offsets.add(record.offset)
      }
    })
    return offsets
  }

  const removeIn = async (cursor: Cursor, offsets: ReadonlySet<number>) => {
    if (offsets.size === 0) return
    const last = [...offsets].reduce((a, b) => Math.max(a, b), 0)
    let kept = 0
    let cut = await walk.walk({ ...cursor, end: Math.min(last + 1, cursor.end) }, (chunk) => {
      kept += chunk.filter(({ offset }) => !offsets.has(offset)).length
    })
    if (kept > 0) {
      // All that follows, too, so that the order stays.
      cut = await walk.walk(cursor, (chunk) =>
        publishAgain(cursor.place, chunk.filter(({ offset }) => !offsets.has(offset)).map(again)),
      )
    }
    await deleteBelow(cursor.place, cut)
  }

  const deleteBelow = ({ partition, ...place }: TopicPartition, offset: number): Promise<void> =>
    walk.anew(name, async () => {
      signal.throwIfAborted()
      const answer = await asked(cluster.node(walk.leaderOf({ partition, ...place })), 'DeleteRecords', {
        timeout: deleteTimeoutMs,
        topics: [{ topic: name, partitions: [{ partition, offset: String(offset) }] }],
      })
      const [outcome] = answer.topics[0]?.partitions ?? []
      checkCode(outcome?.errorCode, `removing from ${topic}`)
    })

  try {
    const byPartition = Map.groupBy(held, ({ position }) => position?.partition ?? 0)
    for (const cursor of await walk.cursors(name)) {
      const own = byPartition.get(cursor.place.partition) ?? []
      if (own.length > 0) await removeIn(cursor, await offsetsNow(cursor, own))
    }
  } finally {
    await release()
  }
}

/** The record as it was, to be sent once more. */
const again = (record: FetchedRecord): KafkaRecord => {
  const headers = Object.create(null) as Record<string, Buffer[]>
  eachHeader(record, (name, start, end, data) => {
    ;(headers[name] ??= []).push(start < 0 ? Buffer.of() : data.subarray(start, end))
  })
  const { key, value, timestamp } = record
  return { key, value, headers, timestamp }
}

/** Published again, a message keeps them. */
const identity = ({ id, storedAt }: Held): string => `${storedAt.getTime()} ${id}`

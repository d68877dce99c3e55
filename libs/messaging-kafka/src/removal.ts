import { createHash } from 'node:crypto'
import { codes, type KafkaRecord } from './apis.ts'
import { asked } from './cluster.ts'
import type { PublishedCodec } from './compression.ts'
import { checkCode, KafkaFault } from './faults.ts'
import { eachHeader, type FetchedRecord } from './fetched.ts'
import { kafkaLock } from './lock.ts'
import { topicOf } from './names.ts'
import type { TopicPartition } from './offsets.ts'
import { messageIn } from './codec.ts'
import type { Cursor, KafkaWalk, WalkParts } from './walk.ts'
import type { Position } from '@armature/messaging/position'
import type { StoredMessage } from '@armature/messaging/topic-browser'

const deleteTimeoutMs = 10_000
const produceTimeoutMs = 10_000

/** Where `remove` finds a message. */
interface KafkaHandle extends Position {
  readonly contents: string
}

/** A record as `browse` gives it. */
export const heldOf = (topic: string, record: FetchedRecord, partition: number): StoredMessage => {
  const position = { partition, offset: record.offset }
  const handle: KafkaHandle = { ...position, contents: contentsOf(record) }
  const { message } = messageIn(record, topic, partition)
  return { ...message, storedAt: new Date(record.timestamp), position, handle }
}

/**
 * Removes records of a topic. Kafka cuts off prefixes only: what stays is published again first, in order. Only what was walked is cut
 * off, so nothing is lost whatever others do meanwhile; the lock keeps two removals from publishing the same again.
 */
export const kafkaRemoval = async (
  { cluster, walk }: Pick<WalkParts, 'cluster'> & { readonly walk: KafkaWalk },
  name: string,
  held: readonly StoredMessage[],
): Promise<void> => {
  const topic = topicOf(name)
  const doing = `remove from ${topic}`
  const { signal, release } = await kafkaLock({ cluster, group: `armature-removal.${name}`, doing })

  /** Whether the topic takes a batch of this size. */
  const produce = (place: TopicPartition, messages: readonly KafkaRecord[], compression: PublishedCodec) =>
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
    if (records.length === 0 || (await produce(place, records, 'none'))) return
    if (records.length === 1) {
      if (await produce(place, records, 'gzip')) return
      throw new KafkaFault(codes.messageTooLarge, `publishing again to ${topic}`)
    }
    const half = Math.ceil(records.length / 2)
    await publishAgain(place, records.slice(0, half))
    await publishAgain(place, records.slice(half))
  }

  /**
   * Which offsets are to be removed, and how many records between them stay. A letter is told by its contents: an earlier removal may have
   * published it again elsewhere, and a topic that was made again has another one in its place.
   */
  const found = async (cursor: Cursor, own: readonly KafkaHandle[]) => {
    const inPlace = new Map(own.map(({ offset, contents }) => [offset, contents]))
    const moved = new Map<string, number>()
    for (const { offset, contents } of own) {
      if (offset < cursor.next) moved.set(contents, (moved.get(contents) ?? 0) + 1)
    }
    const last = Math.max(...inPlace.keys())
    const end = moved.size > 0 ? cursor.end : Math.min(last + 1, cursor.end)
    const offsets = new Set<number>()
    let seen = 0
    let kept = 0
    await walk.walk({ ...cursor, end }, (chunk) => {
      for (const record of chunk) {
        const { offset } = record
        seen++
        if (moved.size === 0 && !inPlace.has(offset)) continue
        const contents = contentsOf(record)
        const left = moved.get(contents) ?? 0
        if (inPlace.get(offset) !== contents && left === 0) continue
        if (inPlace.get(offset) !== contents) moved.set(contents, left - 1)
        offsets.add(offset)
        kept = seen - offsets.size
      }
    })
    return { offsets, kept }
  }

  const removeIn = async (cursor: Cursor, own: readonly KafkaHandle[]) => {
    const { offsets, kept } = await found(cursor, own)
    if (offsets.size === 0) return
    if (kept === 0) return deleteBelow(cursor.place, Math.max(...offsets) + 1)
    // It removes nothing, and rejects where the topic lets nothing be removed: before anything is there twice.
    await deleteBelow(cursor.place, cursor.next)
    // All that follows, too, so that the order stays.
    const cut = await walk.walk(cursor, (chunk) =>
      publishAgain(cursor.place, chunk.filter(({ offset }) => !offsets.has(offset)).map(again)),
    )
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
    const handles = held.map(({ handle }) => handle as KafkaHandle)
    const byPartition = Map.groupBy(handles, ({ partition }) => partition)
    for (const cursor of await walk.cursors(name)) {
      const own = byPartition.get(cursor.place.partition) ?? []
      if (own.length > 0) await removeIn(cursor, own)
    }
  } finally {
    await release()
  }
}

/** The record as it was, to be sent once more: its headers byte for byte. */
const again = (record: FetchedRecord): KafkaRecord => {
  const { key, value, headers, timestamp } = record
  const end = eachHeader(record, () => undefined)
  return { key, value, headers: headers.data.subarray(headers.at, end), timestamp }
}

/** A digest of what a record keeps when it is published again. Its time is not: the broker may set it. */
const contentsOf = (record: FetchedRecord): string => {
  const { key, value, headers } = again(record)
  const digest = createHash('sha256')
  for (const bytes of [key, value, headers]) digest.update(`${bytes?.length ?? 'null'} `).update(bytes ?? '')
  return digest.digest('base64')
}

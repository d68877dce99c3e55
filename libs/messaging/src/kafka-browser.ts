import { CompressionTypes } from 'kafkajs'
import { codes, type KafkaRecord } from './kafka-apis.ts'
import { asked, type KafkaCluster } from './kafka-cluster.ts'
import { checkCode } from './kafka-faults.ts'
import { eachHeader, type FetchedPartition, type FetchedRecord } from './kafka-fetched.ts'
import { kafkaName, topicOf } from './kafka-names.ts'
import { endsOf, partitionName, type TopicPartition } from './kafka-offsets.ts'
import { messageIn } from './kafka-record.ts'
import type { KafkaTopics } from './kafka-topics.ts'
import type { Held, TopicBrowser } from './topic-browser.ts'
import { checkTopic } from './topic-pattern.ts'

export interface BrowserParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
}

const chunkBytes = 1024 * 1024
const maxWaitMs = 100
const deleteTimeoutMs = 10_000
const produceTimeoutMs = 10_000

/** A partition being read from one end of the time of the call to the other. */
interface Cursor {
  readonly place: TopicPartition
  next: number
  readonly end: number
  chunk: readonly FetchedRecord[]
  at: number
}

/** Looks into topics without a group. */
export const kafkaBrowser = ({ cluster, topics }: BrowserParts): TopicBrowser => {
  const { connectWaitMs } = cluster.settings
  const retry = <Result>(what: string, attempt: () => Promise<Result>) => cluster.retry(what, attempt, connectWaitMs)
  const leaderOf = ({ topic, partition }: TopicPartition) => topics.known(topic)?.leaders[partition] ?? -1

  const anew = async <Result>(topic: string, attempt: () => Promise<Result>): Promise<Result> =>
    retry(`looking into ${topic}`, async () => {
      try {
        return await attempt()
      } catch (error) {
        await topics.refresh([topic])
        throw error
      }
    })

  /** What comes at once from an offset on; undefined where it is not kept any more. */
  const read = (place: TopicPartition, offset: number): Promise<FetchedPartition | undefined> =>
    anew(place.topic, async () => {
      const partitions = [{ partition: place.partition, fetchOffset: String(offset), maxBytes: chunkBytes }]
      const answer = await asked(cluster.node(leaderOf(place)), 'Fetch', {
        maxWaitTime: maxWaitMs,
        minBytes: 1,
        maxBytes: chunkBytes,
        isolationLevel: 1,
        rackId: '',
        topics: [{ topic: place.topic, partitions }],
      })
      const [fetched] = answer.partitions
      if (fetched === undefined || fetched.errorCode === codes.offsetOutOfRange) return undefined
      checkCode(fetched.errorCode, `looking into ${place.topic}`)
      if (fetched.next === undefined && fetched.problem !== undefined) throw fetched.problem
      return fetched
    })

  const fill = async (cursor: Cursor) => {
    while (cursor.at >= cursor.chunk.length && cursor.next < cursor.end) {
      const fetched = await read(cursor.place, cursor.next)
      const from = cursor.next
      cursor.next = fetched?.next ?? cursor.end
      cursor.chunk = (fetched?.records ?? []).filter(({ offset }) => offset >= from && offset < cursor.end)
      cursor.at = 0
    }
  }

  const cursors = async (name: string): Promise<Cursor[]> => {
    await retry(`looking into ${name}`, () => topics.refresh([name]))
    const places = (topics.known(name)?.leaders ?? []).map((_, partition) => ({ topic: name, partition }))
    if (places.length === 0) return []
    const { low, high } = await anew(name, () => endsOf({ cluster, topics }, places))
    return places.map((place) => ({
      place,
      next: low.get(partitionName(place)) ?? 0,
      end: high.get(partitionName(place)) ?? 0,
      chunk: [],
      at: 0,
    }))
  }

  const heldOf = (topic: string, record: FetchedRecord, partition: number): Held => {
    const position = { partition, offset: record.offset }
    const { message } = messageIn(record, topic, partition)
    return { ...message, storedAt: new Date(record.timestamp), position, handle: position }
  }

  const publishAgain = (place: TopicPartition, records: readonly KafkaRecord[]): Promise<void> =>
    anew(place.topic, async () => {
      const answer = await asked(cluster.node(leaderOf(place)), 'Produce', {
        acks: -1,
        timeout: produceTimeoutMs,
        compression: CompressionTypes.None,
        producerId: '-1',
        producerEpoch: 0,
        topicData: [
          { topic: place.topic, partitions: [{ partition: place.partition, firstSequence: 0, messages: records }] },
        ],
      })
      for (const { errorCode } of answer.topics[0]?.partitions ?? []) {
        checkCode(errorCode, `publishing again to ${place.topic}`)
      }
    })

  /** Calls for each chunk of what the cursor is to read. */
  const walk = async (cursor: Cursor, see: (chunk: readonly FetchedRecord[]) => Promise<void> | void) => {
    const own = { ...cursor }
    for (await fill(own); own.at < own.chunk.length; await fill(own)) {
      own.at = own.chunk.length
      await see(own.chunk)
    }
  }

  /** The offsets of these; of one that an earlier removal published again, where it is now. */
  const offsetsNow = async (topic: string, cursor: Cursor, held: readonly Held[]): Promise<Set<number>> => {
    const offsets = new Set(held.map(({ position }) => position?.offset ?? 0).filter((offset) => offset >= cursor.next))
    const moved = new Map<string, number>()
    for (const each of held) {
      if ((each.position?.offset ?? 0) >= cursor.next) continue
      moved.set(identity(each), (moved.get(identity(each)) ?? 0) + 1)
    }
    if (moved.size === 0) return offsets
    await walk(cursor, (chunk) => {
      for (const record of chunk) {
        const name = identity(heldOf(topic, record, cursor.place.partition))
        const left = moved.get(name) ?? 0
        if (left === 0) continue
        moved.set(name, left - 1)
        offsets.add(record.offset)
      }
    })
    return offsets
  }

  /** Kafka removes prefixes only: what stays is published again first, all of it, so that it keeps its order. */
  const removeIn = async (cursor: Cursor, offsets: ReadonlySet<number>) => {
    if (offsets.size === 0) return
    const last = [...offsets].reduce((a, b) => Math.max(a, b), 0)
    let [kept, end] = [0, cursor.end]
    await walk({ ...cursor, end: last + 1 }, (chunk) => {
      kept += chunk.filter(({ offset }) => !offsets.has(offset)).length
    })
    if (kept === 0) end = last + 1
    else {
      await walk(cursor, async (chunk) => {
        const staying = chunk.filter(({ offset }) => !offsets.has(offset))
        if (staying.length > 0) await publishAgain(cursor.place, staying.map(again))
      })
    }
    await deleteBelow(cursor.place, end)
  }

  const deleteBelow = (place: TopicPartition, offset: number): Promise<void> =>
    anew(place.topic, async () => {
      const answer = await asked(cluster.node(leaderOf(place)), 'DeleteRecords', {
        timeout: deleteTimeoutMs,
        topics: [{ topic: place.topic, partitions: [{ partition: place.partition, offset: String(offset) }] }],
      })
      const [outcome] = answer.topics[0]?.partitions ?? []
      checkCode(outcome?.errorCode, `removing from ${place.topic}`)
    })

  return {
    topics: async () => (await retry('listing topics', () => topics.list())).map(topicOf).sort(),

    async *browse(topic, { max, signal }) {
      checkTopic(topic)
      const all = await cursors(kafkaName(topic))
      for (let given = 0; given < max; given++) {
        signal?.throwIfAborted()
        for (const each of all) await fill(each)
        const [oldest] = all.filter(({ at, chunk }) => at < chunk.length).sort((a, b) => timeOf(a) - timeOf(b))
        const record = oldest?.chunk[oldest.at]
        if (oldest === undefined || record === undefined) return
        oldest.at++
        yield heldOf(topic, record, oldest.place.partition)
      }
    },

    remove: async (topic, held) => {
      checkTopic(topic)
      const byPartition = Map.groupBy(held, ({ position }) => position?.partition ?? 0)
      for (const cursor of held.length === 0 ? [] : await cursors(kafkaName(topic))) {
        const own = byPartition.get(cursor.place.partition) ?? []
        if (own.length > 0) await removeIn(cursor, await offsetsNow(topic, cursor, own))
      }
    },
  }
}

const timeOf = ({ chunk, at }: Cursor): number => chunk[at]?.timestamp ?? 0

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

import { codes } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { checkCode } from './faults.ts'
import type { FetchedPartition, FetchedRecord } from './fetched.ts'
import { topicOf } from './names.ts'
import { endsOf, partitionName, type TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'

export interface WalkParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
}

/** A partition that is being read from one end of the time of the call to the other. */
export interface Cursor {
  readonly place: TopicPartition
  /** All before it was read, or is not kept any more. */
  next: number
  readonly end: number
  chunk: readonly FetchedRecord[]
  /** In the chunk. */
  at: number
}

/** Reads partitions without a group. */
export interface KafkaWalk {
  /** The broker of the partition, as it is known now. */
  leaderOf(place: TopicPartition): number
  /** Calls until it resolves, with what is known of the topic refreshed between, for `connectWaitMs`. */
  anew<Result>(topic: string, attempt: () => Promise<Result>): Promise<Result>
  /** One for each partition; none where there is no such topic. */
  cursors(name: string): Promise<Cursor[]>
  /** Leaves a record in the chunk, or the cursor at its end. Rejects with what cannot be read. */
  fill(cursor: Cursor): Promise<void>
  /** Calls for each chunk of what the cursor is to read. Answers the offset that it came to: all before it was seen, or is not kept any more. */
  walk(cursor: Cursor, see: (chunk: readonly FetchedRecord[]) => Promise<void> | void): Promise<number>
}

const chunkBytes = 1024 * 1024
const maxWaitMs = 100

/** On the connection of a driver. */
export const kafkaWalk = ({ cluster, topics }: WalkParts): KafkaWalk => {
  const { connectWaitMs } = cluster.settings
  const leaderOf = ({ topic, partition }: TopicPartition) => topics.known(topic)?.leaders[partition] ?? -1

  const anew = <Result>(topic: string, attempt: () => Promise<Result>): Promise<Result> =>
    cluster.retry(
      `looking into ${topic}`,
      async () => {
        try {
          return await attempt()
        } catch (error) {
          await topics.refresh([topic])
          throw error
        }
      },
      connectWaitMs,
    )

  /** Resolves to the records that come at once from an offset on, at least one batch; undefined if the offset is not kept. */
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
      if (fetched?.errorCode === codes.offsetOutOfRange) return undefined
      checkCode(fetched?.errorCode, `looking into ${place.topic}`)
      if (fetched?.next !== undefined) return fetched
      // There is something, since the offset is below the end. Were this taken for the end, a removal would cut off what nobody read.
      throw fetched?.problem ?? new Error(`nothing came of ${partitionName(place)} from offset ${offset} on`)
    })

  /** The offset at which the partition begins now that the messages to be read next have expired, or were removed. */
  const oldestAfter = async ({ place, next }: Cursor): Promise<number> => {
    const { low } = await anew(place.topic, () => endsOf({ cluster, topics }, [place]))
    const oldest = low.get(partitionName(place)) ?? 0
    if (oldest > next) return oldest
    throw new Error(`${topicOf(place.topic)} was deleted and made anew meanwhile: look into it again`)
  }

  const fill = async (cursor: Cursor) => {
    while (cursor.at >= cursor.chunk.length && cursor.next < cursor.end) {
      const from = cursor.next
      const fetched = await read(cursor.place, from)
      cursor.next = Math.min(fetched?.next ?? (await oldestAfter(cursor)), cursor.end)
      cursor.chunk = (fetched?.records ?? []).filter(({ offset }) => offset >= from && offset < cursor.end)
      cursor.at = 0
    }
  }

  return {
    leaderOf,
    anew,
    cursors: async (name) => {
      await cluster.retry(`looking into ${name}`, () => topics.refresh([name]), connectWaitMs)
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
    },
    fill,
    walk: async (cursor, see) => {
      const own = { ...cursor }
      for (await fill(own); own.at < own.chunk.length; await fill(own)) {
        own.at = own.chunk.length
        await see(own.chunk)
      }
      return own.next
    },
  }
}

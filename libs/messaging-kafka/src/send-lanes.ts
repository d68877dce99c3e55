import { isDeadLetterTopic } from '@armature/messaging/dead-letter-topics'
import { PublishError } from '@armature/messaging/errors'
import { topicOf } from './names.ts'
import { partitionOf } from './partitioner.ts'
import { sendLane, type Lane, type LaneLimits, type QueuedRecord } from './send-queue.ts'
import type { KafkaTopic } from './topics.ts'

/** Messages without a key change the partition after so many bytes. */
const keylessRunBytes = 16_384

export interface LanesOptions extends LaneLimits {
  /** The partition of every record but dead letters; undefined: the key chooses it. */
  readonly partition?: number | undefined
}

/** The lanes of a publisher: one for each partition that it has sent to. */
export interface SendLanes {
  /**
   * Puts each record into the lane of its partition and answers those lanes. A key has one partition; records without a key change it now and
   * then. The one partition of all has to be
   * there (`missingPartition`).
   */
  place(topic: KafkaTopic, records: readonly QueuedRecord[]): Iterable<Lane>
}

/** The error where the one partition of all records is not in the topic; undefined where there is none. */
export const missingPartition = (topic: KafkaTopic, partition: number | undefined): PublishError | undefined => {
  const { name, leaders } = topic
  const fixed = fixedPartition(name, partition)
  if (fixed === undefined || fixed < leaders.length) return undefined
  const problem = `partition ${fixed} is not there: it has ${leaders.length}, of which the first is 0`
  return new PublishError(`${problem}. Change partition of the kafka: URL`, {
    topic: topicOf(name),
    fault: 'bad-topic',
  })
}

/**
 * The one partition of all records of the topic; undefined where their keys choose it. Dead letters may be in a topic with fewer partitions, so
 * their keys choose it always.
 */
const fixedPartition = (topic: string, partition: number | undefined): number | undefined =>
  isDeadLetterTopic(topic) ? undefined : partition

/** No lanes yet. */
export const sendLanes = ({ partition: ofAll, ...limits }: LanesOptions): SendLanes => {
  const lanes = new Map<string, Lane[]>()
  let keyless = Math.floor(Math.random() * 1_000)

  const lanesOf = ({ name, leaders }: KafkaTopic): Lane[] => {
    const known = lanes.get(name) ?? []
    lanes.set(name, known)
    for (let partition = known.length; partition < leaders.length; partition++) {
      known.push(sendLane(name, partition, limits))
    }
    // A topic that was made again may have fewer.
    return known.slice(0, leaders.length)
  }

  return {
    place: (topic, records) => {
      const partitions = lanesOf(topic)
      const used = new Set<Lane>()
      const fixed = fixedPartition(topic.name, ofAll)
      let run = 0
      let partition = 0
      let placedKey: Buffer | null = null
      keyless++
      for (const record of records) {
        if (fixed !== undefined) partition = fixed
        else if (record.key !== null) {
          // The records of a run share it.
          if (record.key !== placedKey) partition = partitionOf(record.key, partitions.length)
        } else {
          run += record.bytes
          partition = (keyless + Math.floor(run / keylessRunBytes)) % partitions.length
        }
        placedKey = record.key
        const lane = partitions[partition] as Lane
        lane.push(record)
        used.add(lane)
      }
      return used
    },
  }
}

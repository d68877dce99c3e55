import { partitionOf } from './partitioner.ts'
import { sendLane, type Lane, type LaneLimits, type QueuedRecord } from './send-queue.ts'
import type { KafkaTopic } from './topics.ts'

/** Messages without a key change the partition after so many bytes. */
const keylessRunBytes = 16_384

/** The lanes of a publisher: one for each partition that it has sent to. */
export interface SendLanes {
  /** Puts each record into the lane of its partition and answers those lanes. A key has one partition; records without a key change it now and then. */
  place(topic: KafkaTopic, records: readonly QueuedRecord[]): Iterable<Lane>
}

/** No lanes yet. */
export const sendLanes = (limits: LaneLimits): SendLanes => {
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
      let run = 0
      let partition = 0
      let placedKey: Buffer | null = null
      keyless++
      for (const record of records) {
        if (record.key !== null) {
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

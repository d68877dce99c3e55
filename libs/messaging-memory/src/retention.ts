import { elementAt } from '@armature/async/element-at'
import type { Lane } from './lane.ts'
import type { PartitionLog } from './log.ts'
import type { MemoryLimits } from './settings.ts'

/**
 * The bound on what the partitions of one topic keep. The oldest messages are cut off for new ones, but only those that every group has
 * settled.
 */
export interface Retention {
  /** From now on the lanes, one a partition, keep what they need. */
  attach(lanes: readonly Lane[]): void
  detach(lanes: readonly Lane[]): void
  /** The lanes that read a partition. */
  readersOf(log: PartitionLog): readonly Lane[]
  /** Cuts off until a message of so many bytes has room. Answers false where some group has yet to settle what is in its place. */
  makeRoom(log: PartitionLog, bytes: number): boolean
  /** The lowest offset of a partition that a group still needs, and a lane of such a group; the end of the log where no group needs any. */
  needed(log: PartitionLog): { readonly offset: number; readonly lane: Lane | undefined }
  /** Messages cut off. */
  readonly trimmed: number
}

/** The retention of partitions that nobody reads. */
export const retention = (
  partitions: readonly PartitionLog[],
  { maxPartitionMessages, maxPartitionBytes }: Pick<MemoryLimits, 'maxPartitionMessages' | 'maxPartitionBytes'>,
): Retention => {
  /** The lanes of all groups, one list for each partition. */
  const readers = partitions.map((): Lane[] => [])
  /** For each partition, an offset below which no group needs anything. It is a lower bound, found anew when it is reached. */
  const floors = partitions.map(() => 0)
  let trimmed = 0

  const needed = (log: PartitionLog) => {
    let offset = log.end
    let slowest: Lane | undefined
    for (const lane of elementAt(readers, log.partition)) {
      const { floor } = lane
      if (floor >= offset) continue
      offset = floor
      slowest = lane
    }
    return { offset, lane: slowest }
  }

  return {
    attach: (lanes) => {
      for (const [partition, lane] of lanes.entries()) elementAt(readers, partition).push(lane)
      floors.fill(0)
    },
    detach: (lanes) => {
      for (const [partition, lane] of lanes.entries()) {
        readers[partition] = elementAt(readers, partition).filter((each) => each !== lane)
      }
    },
    readersOf: ({ partition }) => elementAt(readers, partition),
    makeRoom: (log, bytes) => {
      while (log.end - log.first >= maxPartitionMessages || log.bytes + bytes > maxPartitionBytes) {
        if (log.first >= elementAt(floors, log.partition)) {
          const { offset } = needed(log)
          floors[log.partition] = offset
          if (log.first >= offset) return false
        }
        log.dropFirst()
        trimmed++
      }
      return true
    },
    needed,
    get trimmed() {
      return trimmed
    },
  }
}

import type { Clock } from '@armature/async/clock'
import { elementAt } from '@armature/async/element-at'
import { keyHash } from '@armature/async/key-hash'
import type { Random } from '@armature/async/random'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Lane } from './lane.ts'
import { partitionLog, type PartitionLog } from './log.ts'
import { publishQueue } from './publish-queue.ts'
import { retention } from './retention.ts'
import type { MemoryLimits } from './settings.ts'

/** A topic of the in-memory broker: its partitions, and the publishes that wait for room. */
export interface MemoryTopic {
  readonly name: string
  readonly partitions: readonly PartitionLog[]
  /** Appends, or waits for room behind the publishes that wait already. Answers undefined when all is appended. The messages are not copied. */
  publish(messages: readonly Message[]): Promise<void> | undefined
  /** From now on the lanes, one a partition, keep what they need and are notified of what is appended. */
  attach(lanes: readonly Lane[]): void
  detach(lanes: readonly Lane[]): void
  /** Tries the waiting publishes again. */
  retry(): void
  readonly hasWaiting: boolean
  /** Messages cut off after every group had settled them. */
  readonly trimmed: number
}

export interface TopicParts {
  readonly name: string
  readonly limits: MemoryLimits
  readonly clock: Clock
  readonly random: Random
  /** Called for every message appended. */
  readonly onAppended: () => void
}

/** An empty topic, which nobody reads. */
export const memoryTopic = ({ name, limits, clock, random, onAppended }: TopicParts): MemoryTopic => {
  const { maxPartitionMessages, maxPartitionBytes } = limits
  const partitions = Array.from({ length: limits.partitions }, (_, index) => partitionLog(index))
  const kept = retention(partitions, limits)
  let roundRobin = random.below(limits.partitions)

  const partitionOf = ({ key }: Message): PartitionLog =>
    elementAt(partitions, key === undefined ? roundRobin : keyHash(key) % partitions.length)

  const append = (messages: readonly Message[], from: number): number => {
    const nowMs = clock.now()
    for (let index = from; index < messages.length; index++) {
      const message = elementAt(messages, index)
      const log = partitionOf(message)
      if (!kept.makeRoom(log, message.body.byteLength)) return index
      if (message.key === undefined) roundRobin = (roundRobin + 1) % partitions.length
      log.append(message, nowMs)
      onAppended()
      for (const lane of kept.readersOf(log)) lane.appended()
    }
    return messages.length
  }

  /** Names the partition of the first message without room, and the group that has yet to settle what is in its place. */
  const full = (messages: readonly Message[], next: number, problem: string): PublishError => {
    const log = partitionOf(elementAt(messages, next))
    const { offset, lane } = kept.needed(log)
    const bound = `partition ${log.partition} keeps ${maxPartitionMessages} messages and ${maxPartitionBytes} bytes`
    const holder = lane === undefined ? '' : `, and ${lane.reader} has yet to settle offset ${offset}`
    const left = `${messages.length - next} of ${messages.length} messages`
    return new PublishError(`no room for ${left}${problem}: ${bound}${holder}`, { topic: name, fault: 'full' })
  }

  const queue = publishQueue({ limits, clock, append, full })

  return {
    name,
    partitions,
    publish: (messages) => {
      const next = queue.isEmpty ? append(messages, 0) : 0
      return next === messages.length ? undefined : queue.wait(messages, next)
    },
    attach: kept.attach,
    detach: (lanes) => {
      kept.detach(lanes)
      queue.retry()
    },
    retry: queue.retry,
    get hasWaiting() {
      return !queue.isEmpty
    },
    get trimmed() {
      return kept.trimmed
    },
  }
}

import type { Cancel, Clock } from '@armature/async/clock'
import { element } from '@armature/async/element'
import { PublishError } from '@armature/messaging/errors'
import { keyHash } from '@armature/async/key-hash'
import type { Lane } from './lane.ts'
import { partitionLog, type PartitionLog } from './log.ts'
import type { MemoryLimits } from './settings.ts'
import type { Message } from '@armature/messaging/message'
import type { Random } from '@armature/async/random'

/** A topic of the in-memory broker: its partitions, and the publishes that wait for room. */
export interface MemoryTopic {
  readonly name: string
  readonly partitions: readonly PartitionLog[]
  /** Appends, or waits for room behind the publishes that wait already. Undefined: done. The messages are not copied. */
  publish(messages: readonly Message[]): Promise<void> | undefined
  /** From now on the lanes, one a partition, hold what they need and hear of what is appended. */
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
  readonly stored: () => void
}

interface Waiting {
  readonly messages: readonly Message[]
  /** Of those not appended when it began to wait. */
  readonly count: number
  readonly bytes: number
  /** The first message not appended. */
  next: number
  resolve(): void
  reject(error: PublishError): void
  cancel: Cancel
}

/** An empty topic, which nobody reads. */
export const memoryTopic = ({ name, limits, clock, random, stored }: TopicParts): MemoryTopic => {
  const { maxPartitionMessages, maxPartitionBytes, publishWaitMs } = limits
  const partitions = Array.from({ length: limits.partitions }, (_, index) => partitionLog(index))
  /** The lanes of all groups, by partition. */
  const readers = partitions.map((): Lane[] => [])
  /** By partition, an offset below which no group needs anything: a lower bound, found anew when it is reached. */
  const floors = partitions.map(() => 0)
  const waiting: Waiting[] = []
  let waitingMessages = 0
  let waitingBytes = 0
  let trimmed = 0
  let roundRobin = random.below(limits.partitions)

  const partitionOf = ({ key }: Message): number => (key === undefined ? roundRobin : keyHash(key) % partitions.length)

  const floorOf = (log: PartitionLog): number => {
    let floor = log.end
    for (const lane of element(readers, log.partition)) floor = Math.min(floor, lane.floor)
    return floor
  }

  const makeRoom = (log: PartitionLog, bytes: number): boolean => {
    while (log.end - log.first >= maxPartitionMessages || log.bytes + bytes > maxPartitionBytes) {
      if (log.first >= element(floors, log.partition)) {
        const floor = floorOf(log)
        floors[log.partition] = floor
        if (log.first >= floor) return false
      }
      log.dropFirst()
      trimmed++
    }
    return true
  }

  /** Appends from `from` on; answers the index of the first message that found no room. */
  const append = (messages: readonly Message[], from: number): number => {
    const nowMs = clock.now()
    for (let index = from; index < messages.length; index++) {
      const message = element(messages, index)
      const partition = partitionOf(message)
      const log = element(partitions, partition)
      if (!makeRoom(log, message.body.byteLength)) return index
      if (message.key === undefined) roundRobin = (roundRobin + 1) % partitions.length
      log.append(message, nowMs)
      stored()
      for (const lane of element(readers, partition)) lane.appended()
    }
    return messages.length
  }

  /** Names the first message without room and who has yet to settle what is in its place. */
  const full = (messages: readonly Message[], next: number, problem: string): PublishError => {
    const log = element(partitions, partitionOf(element(messages, next)))
    const floor = floorOf(log)
    const slowest = element(readers, log.partition).find((lane) => lane.floor === floor)
    const bound = `partition ${log.partition} keeps ${maxPartitionMessages} messages and ${maxPartitionBytes} bytes`
    const holder = slowest === undefined ? '' : `, and ${slowest.reader} has yet to settle offset ${floor}`
    const left = `${messages.length - next} of ${messages.length} messages`
    return new PublishError(`no room for ${left}${problem}: ${bound}${holder}`, { topic: name, fault: 'full' })
  }

  const wait = (messages: readonly Message[], next: number): Promise<void> => {
    const count = messages.length - next
    let bytes = 0
    for (let index = next; index < messages.length; index++) bytes += element(messages, index).body.byteLength
    if (publishWaitMs === 0) {
      return Promise.reject(full(messages, next, ''))
    }
    const tooMany = waitingMessages + count > maxPartitionMessages || waitingBytes + bytes > maxPartitionBytes
    if (tooMany && waiting.length > 0) {
      return Promise.reject(full(messages, next, ` behind the ${waitingMessages} that wait already`))
    }
    return new Promise((resolve, reject) => {
      const entry: Waiting = { messages, count, bytes, next, resolve, reject, cancel: () => undefined }
      entry.cancel = clock.after(publishWaitMs, () => {
        leave(entry)
        reject(full(messages, entry.next, ` within ${publishWaitMs} ms`))
        retry()
      })
      waiting.push(entry)
      waitingMessages += count
      waitingBytes += bytes
    })
  }

  const leave = (entry: Waiting) => {
    waiting.splice(waiting.indexOf(entry), 1)
    waitingMessages -= entry.count
    waitingBytes -= entry.bytes
  }

  const retry = () => {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      first.next = append(first.messages, first.next)
      if (first.next < first.messages.length) return
      leave(first)
      first.cancel()
      first.resolve()
    }
  }

  return {
    name,
    partitions,
    publish: (messages) => {
      const next = waiting.length === 0 ? append(messages, 0) : 0
      return next === messages.length ? undefined : wait(messages, next)
    },
    attach: (lanes) => {
      for (const [partition, lane] of lanes.entries()) element(readers, partition).push(lane)
      floors.fill(0)
    },
    detach: (lanes) => {
      for (const [partition, lane] of lanes.entries()) {
        readers[partition] = element(readers, partition).filter((each) => each !== lane)
      }
      retry()
    },
    retry,
    get hasWaiting() {
      return waiting.length > 0
    },
    get trimmed() {
      return trimmed
    },
  }
}

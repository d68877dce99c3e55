import type { Clock } from '@armature/async/clock'
import { MessagingUrlError } from '@armature/messaging/errors'

/** Every bound of the in-memory broker, and what happens there. */
export interface MemoryLimits {
  /** Partitions of each topic. Default 8. */
  readonly partitions: number
  /** Topics. A publish that would create one more is rejected. Each topic takes some 12 KB, and 30 KB for each group. Default 1,000. */
  readonly maxTopics: number
  /**
   * Messages that one partition keeps. At this bound and the next one the oldest messages are cut off, but only those that every group
   * has settled. A publish that finds no room waits. Default 16,384.
   */
  readonly maxPartitionMessages: number
  /** Bytes of body that one partition keeps. Default 8 MiB. */
  readonly maxPartitionBytes: number
  /** How long a publish waits for room before it is rejected as `full`. With 0 it does not wait. Default 30,000. */
  readonly publishWaitMs: number
  /** Bytes of body of one message. A publish with a larger one is rejected. Default 1 MiB. */
  readonly maxMessageBytes: number
  /** Characters of all header names and values of one message. A publish with more is rejected. Default 65,536. */
  readonly maxHeaderChars: number
  /**
   * How long a partition that a rebalance takes from a member waits for the member's unsettled deliveries. Then they are
   * taken back and delivered to the new owner. Default 30,000.
   */
  readonly rebalanceTimeoutMs: number
}

export interface MemoryOptions extends Partial<MemoryLimits> {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Decides in which order members and partitions deliver. Default 1. */
  readonly seed?: number
}

const defaults: MemoryLimits = {
  partitions: 8,
  maxTopics: 1_000,
  maxPartitionMessages: 16_384,
  maxPartitionBytes: 8 * 1024 * 1024,
  publishWaitMs: 30_000,
  maxMessageBytes: 1024 * 1024,
  maxHeaderChars: 65_536,
  rebalanceTimeoutMs: 30_000,
}

/** The names of the limits, which are also the parameters of a `memory:` URL. */
export const limitNames = Object.keys(defaults) as readonly (keyof MemoryLimits)[]

const lowest: Partial<MemoryLimits> = { publishWaitMs: 0, rebalanceTimeoutMs: 0, maxMessageBytes: 0, maxHeaderChars: 0 }

/** The limits with their defaults. Throws RangeError, which names the limit that is not a whole number or out of range. */
export const memoryLimits = (options: MemoryOptions): MemoryLimits => {
  const limits = { ...defaults }
  for (const name of limitNames) {
    const value = options[name]
    if (value === undefined) continue
    const least = lowest[name] ?? 1
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RangeError(`${name} is ${value}: give a whole number, ${least} or more`)
    }
    limits[name] = value
  }
  if (limits.maxMessageBytes > limits.maxPartitionBytes) {
    throw new RangeError(
      `maxMessageBytes (${limits.maxMessageBytes}) exceeds maxPartitionBytes (${limits.maxPartitionBytes}): no partition could hold it`,
    )
  }
  return limits
}

const parameters = ['seed', ...limitNames] as const

/** The options that a URL such as `memory:?seed=7&partitions=16` names. Throws MessagingUrlError. */
export const memoryUrlOptions = (url: string): MemoryOptions => {
  const [address = '', query] = url.split('?', 2)
  if (!/^memory:(\/\/)?$/i.test(address)) {
    throw new MessagingUrlError('a memory: URL has no host and no path: write memory: or memory:?seed=7')
  }
  const options: Record<string, number> = {}
  for (const [name, text] of new URLSearchParams(query)) {
    const parameter = parameters.find((each) => each === name)
    if (parameter === undefined) {
      throw new MessagingUrlError(`memory: has no parameter ${JSON.stringify(name)}: use ${parameters.join(', ')}`)
    }
    if (!/^\d{1,15}$/.test(text)) {
      throw new MessagingUrlError(`${name} of memory: is ${JSON.stringify(text)}: give a whole number`)
    }
    options[parameter] = Number(text)
  }
  return options
}

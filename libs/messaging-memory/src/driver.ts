import { type Clock, systemClock } from '@armature/async/clock'
import { MessagingUrlError, PublishError, SubscribeError } from '@armature/messaging/errors'
import { memoryBooks, type MemoryBooks } from './books.ts'
import { memoryConnection, type MemoryConnection } from './connection.ts'
import { delays } from './delays.ts'
import { createGroup, type Group } from './group.ts'
import { limitNames, memoryLimits, type MemoryOptions } from './settings.ts'
import { scheduler } from './scheduler.ts'
import { memoryTopic, type MemoryTopic } from './topic.ts'
import type { Driver, Subscription } from '@armature/messaging/ports'
import { seededRandom } from '@armature/async/random'

/**
 * A broker inside the process, with the semantics of a real one: topics of partitions by key hash, a bounded log each, consumer
 * groups with rebalances, redelivery, back-pressure, replay. It reaches this process only and forgets all when it is let go.
 * With the same seed, on a driven clock, the same calls are delivered in the same order.
 */
export interface MemoryBroker {
  /** A client. Groups are shared by all clients. */
  connect(): MemoryConnection
  books(): Readonly<MemoryBooks & { inFlight: number; trimmed: number }>
  /**
   * Forgets a group's place, so that it holds no messages any more. Throws SubscribeError while it has members.
   * Answers whether there was one.
   */
  deleteGroup(name: string): boolean
}

/** Throws RangeError for a limit out of range. */
export const memoryBroker = (options: MemoryOptions = {}): MemoryBroker => {
  const limits = memoryLimits(options)
  const clock = options.clock ?? systemClock()
  const random = seededRandom(options.seed ?? 1)
  const turns = scheduler(random)
  const redeliveries = delays(clock)
  const books = memoryBooks()
  const topics = new Map<string, MemoryTopic>()
  const named = new Map<string, Group>()
  /** Also those of subscribers without a group. */
  const groups = new Set<Group>()
  const open = new Set<Subscription>()
  const retrying = new Set<MemoryTopic>()

  const retryAll = () => {
    const due = [...retrying]
    retrying.clear()
    for (const topic of due) topic.retry()
  }

  const advanced = (topic: MemoryTopic) => {
    if (!topic.hasWaiting || retrying.has(topic)) return
    if (retrying.size === 0) turns.next(retryAll)
    retrying.add(topic)
  }

  const newGroup = (name?: string): Group => {
    const group = createGroup({
      name,
      clock,
      delays: redeliveries,
      rebalanceTimeoutMs: limits.rebalanceTimeoutMs,
      advanced,
    })
    groups.add(group)
    return group
  }

  const topicOf = (name: string): MemoryTopic => {
    const known = topics.get(name)
    if (known !== undefined) return known
    if (topics.size >= limits.maxTopics) {
      throw new PublishError(`there are ${topics.size} topics already, the most that this broker keeps`, {
        topic: name,
        fault: 'full',
      })
    }
    const topic = memoryTopic({ name, limits, clock, random, stored: () => books.published++ })
    topics.set(name, topic)
    for (const group of groups) group.created(topic)
    return topic
  }

  return {
    connect: () =>
      memoryConnection({
        limits,
        random,
        scheduler: turns,
        books,
        topicOf,
        topics: () => topics.values(),
        group: (name) => {
          if (name === undefined) return newGroup()
          const group = named.get(name) ?? newGroup(name)
          named.set(name, group)
          return group
        },
        forget: (group) => {
          group.end()
          groups.delete(group)
        },
        open,
      }),
    books: () => {
      let inFlight = 0
      for (const subscription of open) inFlight += subscription.inFlight
      let trimmed = 0
      for (const topic of topics.values()) trimmed += topic.trimmed
      return { ...books, inFlight, trimmed }
    },
    deleteGroup: (name) => {
      const group = named.get(name)
      if (group === undefined) return false
      if (group.members > 0) {
        throw new SubscribeError(name, `the group has ${group.members} members: close their subscriptions first`)
      }
      group.end()
      groups.delete(group)
      return named.delete(name)
    },
  }
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

export interface OpenMemoryOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** What to connect to. Default: a broker of its own, which nothing else reaches. */
  readonly broker?: MemoryBroker
}

/**
 * A client of `options.broker`; without one, of a new broker with the URL's options, which nothing else reaches. Rejects
 * with MessagingUrlError for a bad URL and for one with parameters where the broker is given.
 */
export const openMemory = async (url: string, { broker, clock }: OpenMemoryOptions = {}): Promise<Driver> => {
  const options = memoryUrlOptions(url)
  if (broker === undefined) return created(clock === undefined ? options : { ...options, clock })
  if (Object.keys(options).length > 0) {
    throw new MessagingUrlError('memory: parameters have no effect on a broker that is open already: leave them out')
  }
  return broker.connect()
}

const created = (options: MemoryOptions): Driver => {
  try {
    return memoryBroker(options).connect()
  } catch (error) {
    if (error instanceof RangeError) throw new MessagingUrlError(`memory: ${error.message}`, { cause: error })
    throw error
  }
}

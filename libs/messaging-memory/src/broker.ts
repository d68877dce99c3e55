import { systemClock } from '@armature/async/clock'
import { PublishError, SubscribeError } from '@armature/messaging/errors'
import { memoryBooks, type MemoryBooks } from './books.ts'
import { memoryConnection, type MemoryConnection } from './connection.ts'
import { delays } from './delays.ts'
import { createGroup, type Group } from './group.ts'
import { memoryLimits, type MemoryOptions } from './settings.ts'
import { scheduler } from './scheduler.ts'
import { memoryTopic, type MemoryTopic } from './topic.ts'
import type { Subscription } from '@armature/messaging/ports'
import { seededRandom } from '@armature/async/random'

/**
 * A broker inside the process, with the semantics of a real one: topics of partitions by key hash, a bounded log each, consumer
 * groups with rebalances, redelivery, back-pressure, replay. It reaches this process only and forgets everything with it.
 * With the same seed, on a driven clock, the same calls are delivered in the same order.
 */
export interface MemoryBroker {
  /** A client. Groups are shared by all clients. */
  connect(): MemoryConnection
  /** The counts so far: `delivered` = `acked` + `rejected` + `returned` + `inFlight`. */
  books(): Readonly<MemoryBooks & { inFlight: number; trimmed: number }>
  /**
   * Forgets a group's place, so that no messages are kept for it. Throws SubscribeError while the group has members.
   * Answers whether there was such a group.
   */
  deleteGroup(name: string): boolean
}

/** A broker without topics and clients. Throws RangeError for a limit out of range. */
export const memoryBroker = (options: MemoryOptions = {}): MemoryBroker => {
  const limits = memoryLimits(options)
  const clock = options.clock ?? systemClock()
  const random = seededRandom(options.seed ?? 1)
  const memberScheduler = scheduler(random)
  const redeliveries = delays(clock)
  const books = memoryBooks()
  const topics = new Map<string, MemoryTopic>()
  const named = new Map<string, Group>()
  /** With the groups of subscribers that named none. */
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
    if (retrying.size === 0) memberScheduler.next(retryAll)
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
      throw new PublishError(`the broker has ${topics.size} topics already, the most that it keeps: raise maxTopics`, {
        topic: name,
        fault: 'full',
      })
    }
    const topic = memoryTopic({ name, limits, clock, random, onAppended: () => books.published++ })
    topics.set(name, topic)
    for (const group of groups) group.created(topic)
    return topic
  }

  return {
    connect: () =>
      memoryConnection({
        limits,
        clock,
        random,
        scheduler: memberScheduler,
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

import type { Clock } from '@armature/async/clock'
import type { Random } from '@armature/async/random'
import { SubscribeError } from '@armature/messaging/errors'
import type { Driver, Guarantees, Subscription } from '@armature/messaging/ports'
import { createDriver, type SubscribeRequest } from '@armature/messaging-kit/create-driver'
import type { MemoryBooks } from './books.ts'
import { memoryBrowser } from './browser.ts'
import type { Group } from './group.ts'
import { memoryPublisher } from './publisher.ts'
import type { Scheduler } from './scheduler.ts'
import type { MemoryLimits } from './settings.ts'
import { createMember } from './subscription.ts'
import type { MemoryTopic } from './topic.ts'

/** A client of an in-memory broker. */
export interface MemoryConnection extends Driver {
  /** Ends the client as the death of its process would: at once, with nothing more sent. What it has unsettled comes again. */
  kill(): void
}

export interface ConnectionParts {
  readonly limits: MemoryLimits
  readonly clock: Clock
  readonly random: Random
  readonly scheduler: Scheduler
  readonly books: MemoryBooks
  /** Throws PublishError when the broker keeps no more topics. */
  readonly topicOf: (name: string) => MemoryTopic
  readonly topics: () => Iterable<MemoryTopic>
  /** The group of that name; without one, a new one for one member. */
  readonly group: (name: string | undefined) => Group
  readonly forget: (group: Group) => void
  /** The subscriptions of all clients. */
  readonly open: Set<Subscription>
}

export const memoryGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'key',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

/** A client of the broker that has these parts. */
export const memoryConnection = (parts: ConnectionParts): MemoryConnection => {
  const { limits, clock, random, scheduler, books } = parts
  const publisher = memoryPublisher(parts)
  const subscriptions = new Set<Subscription>()
  let isKilled = false

  const open = async ({ topic, handle, group: name, settings }: SubscribeRequest): Promise<Subscription> => {
    if (isKilled) throw new SubscribeError(topic, 'the connection is closed')
    const group = parts.group(name)
    const member = createMember({
      ...{ pattern: topic, handle, settings, random, scheduler, books },
      leave: (leaver) => {
        group.leave(leaver)
        if (name === undefined) parts.forget(group)
      },
      release: (leaver) => {
        group.release(leaver)
        subscriptions.delete(leaver.subscription)
        parts.open.delete(leaver.subscription)
      },
    })
    subscriptions.add(member.subscription)
    parts.open.add(member.subscription)
    group.join(member, settings.from, parts.topics())
    return member.subscription
  }

  const driver = createDriver({
    scheme: 'memory',
    guarantees: memoryGuarantees,
    limits,
    send: publisher.send,
    open,
    browser: memoryBrowser(parts.topics),
    end: () => Promise.resolve(),
    // No publish waits longer.
    closeWaitMs: limits.publishWaitMs,
    clock,
  })

  return {
    ...driver,
    publish: (topic, messages) =>
      driver.publish(topic, messages).catch((error: unknown) => {
        books.refused++
        throw error
      }),
    kill: () => {
      isKilled = true
      publisher.kill()
      for (const subscription of subscriptions) void subscription.close()
    },
  }
}

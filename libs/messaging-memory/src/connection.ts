import { alwaysThere } from '@armature/messaging-kit/broker-watch'
import { PublishError, SubscribeError, type PublishFault } from '@armature/messaging/errors'
import type { MemoryBooks } from './books.ts'
import { memoryBrowser } from './browser.ts'
import type { Group } from './group.ts'
import { createMember } from './member.ts'
import type { MemoryLimits } from './settings.ts'
import type { Scheduler } from './scheduler.ts'
import type { MemoryTopic } from './topic.ts'
import { bareMessage, type Message } from '@armature/messaging/message'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import type { Driver, Guarantees, Subscription } from '@armature/messaging/ports'
import type { Random } from '@armature/async/random'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

/** A client of an in-memory broker. */
export interface MemoryConnection extends Driver {
  /** Ends the client as the death of its process would: at once, with nothing more sent. What it has unsettled comes again. */
  kill(): void
}

export interface ConnectionParts {
  readonly limits: MemoryLimits
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

/** A publisher that awaits each publish lets deliveries in between after this many messages. */
const publishesPerTurn = 1024

const done = Promise.resolve()
const noHeaders: Readonly<Record<string, string>> = Object.freeze({})

/** A client of the broker that has these parts. */
export const memoryConnection = (parts: ConnectionParts): MemoryConnection => {
  const { limits, random, scheduler, books } = parts
  const subscriptions = new Set<Subscription>()
  const publishing = new Set<Promise<void>>()
  let closing: Promise<void> | undefined
  let killed = false
  let inThisTurn = 0

  const fail = (topic: string, fault: PublishFault, problem: string, cause?: unknown): PublishError =>
    new PublishError(problem, { topic, fault, cause })

  /** A copy, as a broker would hold it: what the publisher does to its buffer afterwards does not reach the message. */
  const copy = (topic: string, message: Message): Message => {
    const { id, keyBytes, headers, body } = message
    let chars = 0
    for (const name in headers) chars += name.length + (headers[name]?.length ?? 0)
    if (chars > limits.maxHeaderChars) {
      const problem = `the headers of message ${id} have ${chars} characters, the limit is ${limits.maxHeaderChars}`
      throw fail(topic, 'too-large', `${problem}: move them into the body`)
    }
    return {
      ...bareMessage(message),
      topic,
      keyBytes: keyBytes && Uint8Array.from(keyBytes),
      headers: chars === 0 ? noHeaders : { ...headers },
      body: Buffer.from(body),
    }
  }

  const store = (topic: string, messages: readonly Message[]): Promise<void> | undefined => {
    checkPublish(topic, messages, {
      maxMessageBytes: limits.maxMessageBytes,
      closed: closing !== undefined || killed,
    })
    const copies = messages.map((message) => copy(topic, message))
    if (copies.length === 0) return undefined
    inThisTurn += copies.length
    return parts.topicOf(topic).publish(copies)
  }

  /** Resolves when deliveries had their turn. */
  const pause = () =>
    new Promise<void>((resolve) =>
      scheduler.next(() => {
        inThisTurn = 0
        resolve()
      }),
    )

  const killedMeanwhile = (topic: string) => fail(topic, 'unavailable', 'the connection was lost')

  const publish = (topic: string, messages: readonly Message[]): Promise<void> => {
    let stored: Promise<void> | undefined
    try {
      stored = store(topic, messages)
    } catch (error) {
      books.refused++
      return Promise.reject(error)
    }
    if (stored === undefined) return inThisTurn < publishesPerTurn ? done : pause()
    const result = stored.then(
      () => {
        if (killed) throw killedMeanwhile(topic)
      },
      (error: unknown) => {
        books.refused++
        throw error
      },
    )
    publishing.add(result)
    const forget = () => publishing.delete(result)
    result.then(forget, forget)
    return result
  }

  const subscribe: Driver['subscribe'] = async (topic, handle, options = {}) => {
    if (closing !== undefined || killed) throw new SubscribeError(topic, 'the connection is closed')
    try {
      checkPattern(topic)
    } catch (error) {
      throw new SubscribeError(topic, (error as Error).message, error)
    }
    const settings = subscribeSettings(topic, options)
    const group = parts.group(options.group)
    const member = createMember({
      ...settings,
      pattern: topic,
      handle,
      random,
      scheduler,
      books,
      leave: (leaver) => {
        group.leave(leaver)
        if (options.group === undefined) parts.forget(group)
      },
      release: (leaver) => {
        group.release(leaver)
        subscriptions.delete(member.subscription)
        parts.open.delete(member.subscription)
      },
    })
    subscriptions.add(member.subscription)
    parts.open.add(member.subscription)
    group.join(member, settings.from, parts.topics())
    return member.subscription
  }

  const close = async () => {
    await Promise.all([...subscriptions].map((subscription) => subscription.stop()))
    await Promise.allSettled(publishing)
    await Promise.all([...subscriptions].map((subscription) => subscription.close()))
  }

  return {
    scheme: 'memory',
    guarantees: memoryGuarantees,
    browser: memoryBrowser(parts.topics),
    health: () => alwaysThere,
    publish,
    subscribe,
    close: () => (closing ??= close()),
    kill: () => {
      killed = true
      for (const subscription of subscriptions) void subscription.close()
    },
  }
}

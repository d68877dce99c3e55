import { backoffMs } from '@armature/async/backoff'
import { within } from '@armature/async/within'
import type { Cancel, Clock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'

export interface OutboxOptions {
  readonly publisher: Pick<Publisher, 'publish'>
  readonly clock: Pick<Clock, 'after'>
  /** In [0, 1): the jitter. */
  readonly random: () => number
  /** Messages not yet published, at once. */
  readonly maxQueued: number
  /** A publish that takes longer counts as failed; the message keeps its id, so a late success makes a duplicate, no loss. */
  readonly publishTimeoutMs: number
  readonly onPublished: (message: Message) => void
  /** A publish failed and is tried again after `delayMs`. */
  readonly onRetry: (message: Message, error: unknown, delayMs: number) => void
  /** The broker will never take the message. */
  readonly onDropped: (message: Message, error: PublishError) => void
}

/**
 * Publishes messages one after the other, in order, each until the broker has it. A topic that nobody reads (`unroutable`) holds up its own
 * messages only.
 */
export interface Outbox {
  /** False = no room: offer it again later. */
  offer(message: Message): boolean
  /** Messages not yet published. */
  readonly size: number
  /** Why the last publish failed; undefined once one succeeds. */
  readonly failing: string | undefined
  /** Resolves when all is published, or the outbox closed. */
  idle(): Promise<void>
  /** Gives up what is not published, and answers it. */
  close(): readonly Message[]
}

const firstDelayMs = 100
const longestDelayMs = 30_000

/** Publishes as soon as a message is offered. */
export const createOutbox = (options: OutboxOptions): Outbox => {
  const { publisher, clock, random, maxQueued, publishTimeoutMs, onPublished, onRetry, onDropped } = options
  const queue: Message[] = []
  let working = false
  let closed = false
  let failing: string | undefined
  let wake: () => void = () => undefined
  const delayMsAfter = (failures: number) => backoffMs(firstDelayMs, longestDelayMs, failures, random)
  const unread = unreadTopics({ clock, delayMsAfter, retry: () => void (!working && work()) })
  let waiting: (() => void)[] = []

  const settle = () => {
    for (const resolve of waiting) resolve()
    waiting = []
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve)
      wake = () => {
        cancel()
        resolve()
      }
    })

  const attempt = async (message: Message) => {
    const publishing = publisher.publish(message.topic, [message]).then(() => 'published')
    if ((await within(publishTimeoutMs, publishing, clock)) === undefined) {
      throw new Error(`the broker did not answer within ${publishTimeoutMs} ms`)
    }
  }

  /** Resolves when the message is no longer the next one: published, dropped, set aside, or the outbox closed. */
  const publishOne = async (message: Message) => {
    for (let failures = 1; !closed; failures += 1) {
      try {
        await attempt(message)
        if (closed) return
        failing = undefined
        unread.forget(message.topic)
        queue.splice(queue.indexOf(message), 1)
        return onPublished(message)
      } catch (error) {
        if (closed) return
        if (isHopeless(error)) {
          queue.splice(queue.indexOf(message), 1)
          return onDropped(message, error)
        }
        if (isUnread(error)) {
          failing = undefined
          return onRetry(message, error, unread.setAside(message.topic, error.message))
        }
        failing = error instanceof Error ? error.message : String(error)
        const delayMs = delayMsAfter(failures)
        onRetry(message, error, delayMs)
        await pause(delayMs)
      }
    }
  }

  const next = () => queue.find(({ topic }) => !unread.waits(topic))

  const work = async () => {
    working = true
    for (let message = next(); message !== undefined && !closed; message = next()) await publishOne(message)
    working = false
    if (queue.length === 0 || closed) settle()
  }

  return {
    offer: (message) => {
      if (closed || queue.length >= maxQueued) return false
      queue.push(message)
      if (!working) void work()
      return true
    },
    get size() {
      return queue.length
    },
    get failing() {
      return failing ?? unread.problem
    },
    idle: () => (queue.length === 0 || closed ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    close: () => {
      closed = true
      wake()
      unread.close()
      settle()
      return [...queue]
    },
  }
}

interface UnreadOptions {
  readonly clock: Pick<Clock, 'after'>
  readonly delayMsAfter: (failures: number) => number
  /** The wait of a topic is over. */
  readonly retry: () => void
}

/** Topics that nobody read at the last attempt. Their messages wait, and messages of other topics pass. */
const unreadTopics = ({ clock, delayMsAfter, retry }: UnreadOptions) => {
  const topics = new Map<string, { failures: number; problem: string; cancel: Cancel | undefined }>()
  return {
    /** Lets the topic wait. Returns for how long, in milliseconds. */
    setAside: (topic: string, problem: string): number => {
      const failures = (topics.get(topic)?.failures ?? 0) + 1
      const delayMs = delayMsAfter(failures)
      const cancel = clock.after(delayMs, () => {
        topics.set(topic, { failures, problem, cancel: undefined })
        retry()
      })
      topics.set(topic, { failures, problem, cancel })
      return delayMs
    },
    waits: (topic: string): boolean => topics.get(topic)?.cancel !== undefined,
    forget: (topic: string): void => void topics.delete(topic),
    /** Why the first of them waits. */
    get problem(): string | undefined {
      return topics.values().next().value?.problem
    },
    close: (): void => {
      for (const { cancel } of topics.values()) cancel?.()
    },
  }
}

/** Errors that publishing again cannot mend. A closed connection may be opened again. */
const isHopeless = (error: unknown): error is PublishError =>
  error instanceof PublishError && !error.retryable && error.fault !== 'closed'

const isUnread = (error: unknown): error is PublishError =>
  error instanceof PublishError && error.fault === 'unroutable'

import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { deadLetterQueuesExist, declareDeadLetterQueue } from './topology.ts'

/** The queues that keep what is published to dead-letter topics, declared once each. */
export interface DeadLetterQueues {
  /** Makes the queue of this topic, unless it was made before. Rejects with TopologyError. */
  declare(session: AmqpSession, topic: string): Promise<void>
  /** The queue of this topic is removed: `declare` makes it again. */
  forget(topic: string): void
  /**
   * Whether the queue of this topic is there, after a publish to it: another queue may have taken the message, by a wildcard. A registry of
   * dead-letter topics that was removed is made again.
   */
  check(session: AmqpSession, topic: string): Promise<boolean>
}

const maxKnownTopics = 10_000

/** Knows of no queue yet. */
export const deadLetterQueues = (settings: AmqpSettings): DeadLetterQueues => {
  /** Dead-letter topics whose queue was made, and which are in the registry. */
  const declared = new Set<string>()

  const declare = async (session: AmqpSession, topic: string) => {
    if (declared.has(topic)) return
    await declareDeadLetterQueue(session, settings, topic)
    if (declared.size >= maxKnownTopics) declared.clear()
    declared.add(topic)
  }

  return {
    declare,
    forget: (topic) => void declared.delete(topic),
    check: async (session, topic) => {
      const { registry, queue } = await deadLetterQueuesExist(session, settings, topic)
      if (!registry) {
        declared.clear()
        await declare(session, topic)
      }
      return queue
    },
  }
}

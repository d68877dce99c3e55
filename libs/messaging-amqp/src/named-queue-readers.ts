import { SubscribeError } from '@armature/messaging/errors'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'

/** The subscribers of one driver to the queue of its URL. They are members of one group: each of two groups would get a part of the messages. */
export interface NamedQueueReaders {
  /** Takes a subscriber in. Throws SubscribeError for one without a group, and for a second group or topic. */
  enter(queue: string, request: Pick<SubscribeRequest, 'topic' | 'group'>): void
  leave(): void
}

/** Has no subscribers yet. */
export const namedQueueReaders = (): NamedQueueReaders => {
  let readers = 0
  let first: Pick<SubscribeRequest, 'topic' | 'group'> | undefined
  return {
    enter: (queue, { topic, group }) => {
      if (group === undefined)
        throw new SubscribeError(
          topic,
          `a queue divides its messages between its subscribers: name a group to read ${queue}`,
        )
      if (readers > 0 && (first?.topic !== topic || first.group !== group)) {
        const problem = `the group ${first?.group} reads the queue ${queue} already, for the topic ${first?.topic}`
        throw new SubscribeError(
          topic,
          `${problem}: each of two would get a part of the messages; leave queue out of the amqp: URL`,
        )
      }
      first = { topic, group }
      readers += 1
    },
    leave: () => {
      readers -= 1
    },
  }
}

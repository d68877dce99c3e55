import { isDeadLetterTopic } from '@armature/messaging/dead-letter-topics'
import { PublishError, type PublishFault } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { messageAt, type MessageRun } from '@armature/messaging/message-run'
import { checkTopic } from '@armature/messaging/topic-pattern'

export interface PublishLimits {
  /** The bound of one body. It does not apply to dead letters: whatever was received must fit there, if the broker takes it. */
  readonly maxMessageBytes: number
  readonly closed: boolean
}

/**
 * Throws PublishError (`closed`, `bad-topic`, `bad-message`, `too-large`) for what no driver publishes, before anything is sent.
 */
export const checkPublish = (topic: string, messages: readonly Message[], limits: PublishLimits): void => {
  if (limits.closed) throw refusal(topic, 'closed', 'the connection is closed')
  try {
    checkTopic(topic)
  } catch (error) {
    throw refusal(topic, 'bad-topic', (error as Error).message, error)
  }
  for (const { id, body, tombstone } of messages) {
    if (typeof id !== 'string' || id === '') {
      throw refusal(topic, 'bad-message', 'a message has no id: make it by message()')
    }
    if (!(body instanceof Uint8Array)) {
      throw refusal(topic, 'bad-message', `the body of message ${id} is not a Uint8Array: make it by message()`)
    }
    if (tombstone === true && body.byteLength > 0) {
      throw refusal(topic, 'bad-message', `message ${id} is a tombstone and has a body: leave one of them out`)
    }
    if (body.byteLength > limits.maxMessageBytes && !isDeadLetterTopic(topic)) {
      const problem = `message ${id} has ${body.byteLength} bytes, the limit is ${limits.maxMessageBytes}`
      throw refusal(topic, 'too-large', `${problem}: send a reference, or raise the limit of the broker and the driver`)
    }
  }
}

/** The same for a run: of one of its messages as for that message. */
export const checkRun = (topic: string, run: MessageRun, limits: PublishLimits): void => {
  let longest = 0
  let longestBytes = 0
  for (let index = 0; index < run.count; index++) {
    const bytes = (run.ends[index] ?? 0) - (run.starts[index] ?? 0)
    if (bytes <= longestBytes) continue
    longest = index
    longestBytes = bytes
  }
  checkPublish(topic, run.count === 0 ? [] : [messageAt(run, longest, topic)], limits)
}

const refusal = (topic: string, fault: PublishFault, problem: string, cause?: unknown): PublishError =>
  new PublishError(problem, { topic, fault, cause })

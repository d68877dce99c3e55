import { PublishError, type PublishFault } from '@armature/messaging/errors'
import { bareMessage, type Message } from '@armature/messaging/message'
import type { Scheduler } from './scheduler.ts'
import type { MemoryLimits } from './settings.ts'
import type { MemoryTopic } from './topic.ts'

export interface PublisherParts {
  readonly limits: MemoryLimits
  readonly scheduler: Scheduler
  /** Throws PublishError when the broker keeps no more topics. */
  readonly topicOf: (name: string) => MemoryTopic
}

export interface MemoryPublisher {
  /** Appends copies of the messages, one or more, at once where there is room. Rejects with PublishError. */
  send(topic: string, messages: readonly Message[]): Promise<void>
  /** Takes nothing more. What is under way rejects: nobody knows whether it arrived. */
  kill(): void
}

/** A publisher that awaits each publish lets deliveries in between after this many messages. */
const messagesPerTurn = 1024

const appended = Promise.resolve()
const noHeaders: Readonly<Record<string, string>> = Object.freeze({})

/** Publishes to the topics of a broker. */
export const memoryPublisher = ({ limits, scheduler, topicOf }: PublisherParts): MemoryPublisher => {
  let isKilled = false
  let messagesInTurn = 0

  /** Resolves after the next deliveries. */
  const letDeliver = () =>
    new Promise<void>((resolve) =>
      scheduler.next(() => {
        messagesInTurn = 0
        resolve()
      }),
    )

  return {
    send: (topic, messages) => {
      if (isKilled) throw failure(topic, 'closed', 'the connection is closed')
      const copies = messages.map((message) => copyOf(topic, message, limits))
      messagesInTurn += copies.length
      const waiting = topicOf(topic).publish(copies)
      if (waiting === undefined) return messagesInTurn < messagesPerTurn ? appended : letDeliver()
      return waiting.then(() => {
        if (isKilled) throw failure(topic, 'unavailable', 'the connection was lost')
      })
    },
    kill: () => {
      isKilled = true
    },
  }
}

/** A copy, as a broker would keep it: what the publisher does to its buffer afterwards does not reach the message. */
const copyOf = (topic: string, message: Message, { maxHeaderChars }: MemoryLimits): Message => {
  const { id, keyBytes, headers, body } = message
  let chars = 0
  for (const name in headers) chars += name.length + (headers[name]?.length ?? 0)
  if (chars > maxHeaderChars) {
    const problem = `the headers of message ${id} have ${chars} characters, the limit is ${maxHeaderChars}`
    throw failure(topic, 'too-large', `${problem}: move them into the body`)
  }
  return {
    ...bareMessage(message),
    topic,
    keyBytes: keyBytes && Uint8Array.from(keyBytes),
    headers: chars === 0 ? noHeaders : { ...headers },
    body: Buffer.from(body),
  }
}

const failure = (topic: string, fault: PublishFault, problem: string): PublishError =>
  new PublishError(problem, { topic, fault })

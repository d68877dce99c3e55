import { UnrecoverableError } from './errors.ts'
import type { Message } from './message.ts'
import type { Publisher } from './ports.ts'

/** What a handler may return: messages to publish before its own is acknowledged, each to the topic that it names; or nothing. */
export type Replies = Message | readonly Message[] | void | undefined

/**
 * The messages that a handler returned; anything that is neither a message nor a list counts as nothing. Throws UnrecoverableError for a list
 * with something else in it.
 */
export const repliesOf = (returned: unknown, handler: string): readonly Message[] => {
  if (isMessage(returned)) return [returned]
  if (!Array.isArray(returned)) return []
  const items: readonly unknown[] = returned
  const other = items.findIndex((item) => !isMessage(item))
  if (other === -1) return items as readonly Message[]
  throw new UnrecoverableError(
    'bad-reply',
    `item ${other} of the list that the handler ${handler} returned is no message: make it by message or jsonMessage`,
  )
}

const isMessage = (value: unknown): value is Message => {
  const { topic, id, headers, body, time } = (value ?? {}) as Partial<Record<keyof Message, unknown>>
  return (
    typeof topic === 'string' &&
    typeof id === 'string' &&
    typeof headers === 'object' &&
    body instanceof Uint8Array &&
    time instanceof Date
  )
}

/** Publishes each message to the topic that it names, in order. Messages of one topic that follow each other are one call. */
export const publishAll = async (
  publisher: Pick<Publisher, 'publish'>,
  messages: readonly Message[],
): Promise<void> => {
  for (let from = 0; from < messages.length;) {
    const topic = messages[from]?.topic ?? ''
    const next = messages.findIndex((message, index) => index > from && message.topic !== topic)
    const to = next === -1 ? messages.length : next
    await publisher.publish(topic, messages.slice(from, to))
    from = to
  }
}

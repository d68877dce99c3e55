import { amqpDigest, decodeAmqp } from './codec.ts'
import type { AmqpConnection } from './connection.ts'
import { deadLetterQueue, registryQueue } from './names.ts'
import { openQueueReader, type QueueReader, type UnackedMessage } from './queue-reader.ts'
import type { AmqpSettings } from './settings.ts'
import { queueExists } from './topology.ts'
import type { BrowseOptions, StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'

export interface BrowserParts {
  readonly connection: AmqpConnection
  readonly settings: AmqpSettings
}

/** Messages that are fetched ahead of whoever looks at them. */
const readAheadMessages = 100
const maxTopics = 10_000

/** How `remove` finds a message: by the reader that took it out, while that is open, else by what the message holds. */
interface Handle {
  readonly reader: QueueReader
  readonly deliveryTag: number
  readonly digest: string
}

/**
 * Looks into the queues of dead letters: takes messages out without acknowledging them and gives them back in order, one process at a time for each
 * queue. Messages that are taken out reach nobody else meanwhile.
 */
export const amqpBrowser = (parts: BrowserParts): TopicBrowser => ({
  browse: (topic, options) => browse(parts, topic, options),
  remove: async (topic, messages) => {
    checkTopic(topic)
    const digests: string[] = []
    for (const { handle } of messages) {
      const { reader, deliveryTag, digest } = handle as Handle
      if (reader.isOpen) reader.remove(deliveryTag)
      else digests.push(digest)
    }
    if (digests.length > 0) await removeByDigest(parts, topic, digests)
  },
  topics: () => deadLetterTopics(parts),
})

async function* browse(
  parts: BrowserParts,
  topic: string,
  { max, signal }: BrowseOptions,
): AsyncGenerator<StoredMessage> {
  checkTopic(topic)
  const reader = await openReader(parts, deadLetterQueue(parts.settings, topic))
  if (reader === undefined) return
  try {
    for (let left = max; left > 0 && !isAborted(signal);) {
      const received = await reader.next(Math.min(left, readAheadMessages))
      if (received.length === 0) return
      left -= received.length
      for (const each of received) {
        if (isAborted(signal)) return
        yield browsed(reader, topic, each)
      }
    }
  } finally {
    await reader.close()
  }
}

/** A reader of the queue; undefined where there is no such queue. */
const openReader = async ({ connection, settings }: BrowserParts, queue: string): Promise<QueueReader | undefined> => {
  const { connectWaitMs } = settings.url
  const session = await connection.session(connectWaitMs)
  return (await queueExists(session, queue)) ? openQueueReader(session, queue, connectWaitMs) : undefined
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

const browsed = (reader: QueueReader, topic: string, received: UnackedMessage): StoredMessage => {
  const { message } = decodeAmqp(received, topic)
  const timestamp: unknown = received.properties.timestamp
  const handle: Handle = { reader, deliveryTag: received.fields.deliveryTag, digest: amqpDigest(received) }
  return {
    ...message,
    topic,
    storedAt: typeof timestamp === 'number' ? new Date(timestamp * 1000) : message.time,
    handle,
  }
}

/** Removes messages whose reader is closed: of equal ones as many as were asked for. */
const removeByDigest = async (parts: BrowserParts, topic: string, digests: readonly string[]) => {
  const wanted = new Map<string, number>()
  for (const digest of digests) wanted.set(digest, (wanted.get(digest) ?? 0) + 1)
  const reader = await openReader(parts, deadLetterQueue(parts.settings, topic))
  if (reader === undefined) return
  try {
    for (let left = digests.length; left > 0;) {
      const received = await reader.next(readAheadMessages)
      if (received.length === 0) return
      for (const each of received) {
        const digest = amqpDigest(each)
        const count = wanted.get(digest) ?? 0
        if (count === 0) continue
        wanted.set(digest, count - 1)
        reader.remove(each.fields.deliveryTag)
        left--
      }
    }
  } finally {
    await reader.close()
  }
}

/** The topics of the registry whose queue is there, sorted. */
const deadLetterTopics = async (parts: BrowserParts): Promise<readonly string[]> => {
  const { connection, settings } = parts
  const reader = await openReader(parts, registryQueue(settings))
  if (reader === undefined) return []
  const topics = new Set<string>()
  try {
    while (topics.size < maxTopics) {
      const received = await reader.next(readAheadMessages)
      if (received.length === 0) break
      for (const { content, fields } of received) {
        const topic = content.toString()
        // Two processes may have made a queue at the same moment.
        if (topics.has(topic)) reader.remove(fields.deliveryTag)
        topics.add(topic)
      }
    }
  } finally {
    await reader.close()
  }
  const session = await connection.session(settings.url.connectWaitMs)
  const found: string[] = []
  for (const topic of topics) if (await queueExists(session, deadLetterQueue(settings, topic))) found.push(topic)
  return found.sort()
}

import { UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { encodeLine } from './codec.ts'
import type { Log } from './log.ts'

/** Publishes of a topic follow each other: their order in the file is that of the calls. */
export const filePublisher = (log: Log, source: string) => {
  const latest = new Map<string, Promise<void>>()

  return async (topic: string, messages: readonly Message[]): Promise<void> => {
    const lines = encodeAll(topic, messages, source)
    const before = latest.get(topic) ?? Promise.resolve()
    const written = before.catch(() => undefined).then(() => log.append(topic, lines))
    latest.set(topic, written)
    try {
      await written
    } catch (cause) {
      throw new PublishError((cause as Error).message, { topic, fault: 'unavailable', cause })
    } finally {
      if (latest.get(topic) === written) latest.delete(topic)
    }
  }
}

const encodeAll = (topic: string, messages: readonly Message[], source: string): string[] => {
  try {
    const storedAtMs = Date.now()
    return messages.map((message) => encodeLine(message, source, storedAtMs))
  } catch (cause) {
    if (!(cause instanceof UnencodableError)) throw cause
    throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
  }
}

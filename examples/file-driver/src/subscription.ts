import { systemClock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'
import type { SubscribeRequest } from '@armature/messaging-kit/create-driver'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { StartPosition, Subscription } from '@armature/messaging/ports'
import { matches } from '@armature/messaging/topic-pattern'
import { decodeLine } from './codec.ts'
import type { Log, LogLine } from './log.ts'
import { pollMs } from './settings.ts'

const clock = systemClock()

/** Reads the files of the topics from their start positions on, and calls the handler. */
export const openSubscription = async (
  log: Log,
  request: SubscribeRequest,
  warn: (problem: string) => void,
): Promise<Subscription> => {
  const { topic: pattern, handle, settings } = request
  const window = deliveryWindow({ handle, settings, clock })
  const stopping = new AbortController()
  let lastProblem = ''
  const places = await startPlaces(log, pattern, settings.from)

  const offer = async (topic: string, { text, offset, next }: LogLine) => {
    const { message, undecodable, storedAtMs } = decodeLine(topic, offset, text)
    if (!isBefore(settings.from, offset, storedAtMs)) {
      await window.room()
      const arrival = { message, undecodable, attempt: 1, position: { partition: 0, offset }, ack: () => undefined }
      if (!window.offer(arrival)) return
    }
    places.set(topic, next)
  }

  const readOn = async () => {
    for (const topic of await log.topics()) {
      if (!matches(pattern, topic)) continue
      const lines = await log.read(topic, places.get(topic) ?? 0).catch(report)
      for (const line of lines ?? []) await offer(topic, line)
    }
  }

  /** A line that cannot be read is tried again, and reported once. */
  const report = ({ message }: Error) => {
    if (message !== lastProblem) warn(`file: ${message}`)
    lastProblem = message
  }

  const reading = async () => {
    while (!stopping.signal.aborted) {
      await readOn().catch(report)
      await wait(clock, pollMs, stopping.signal).catch(() => undefined)
    }
  }

  const ended = reading()
  return subscriptionLife({
    stop: async () => {
      stopping.abort()
      window.stop()
      await ended
    },
    close: async () => void window.close(),
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
}

/**
 * The place in each topic from which on messages are read. For `latest` it is the present end. A topic that comes later is read from its
 * beginning.
 */
const startPlaces = async (log: Log, pattern: string, from: StartPosition): Promise<Map<string, number>> => {
  if (from !== 'latest') return new Map()
  const topics = (await log.topics()).filter((topic) => matches(pattern, topic))
  return new Map(await Promise.all(topics.map(async (topic) => [topic, await log.size(topic)] as const)))
}

const isBefore = (from: StartPosition, offset: number, storedAtMs: number): boolean => {
  if (typeof from === 'string') return false
  return 'offset' in from ? offset < from.offset : storedAtMs < from.time.getTime()
}

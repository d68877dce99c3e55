import { createMetrics } from '@armature/telemetry/metrics'
import { drivenClock } from '@armature/async/clock'
import { deadLetter, type DeadLetterOptions } from './dead-letter.ts'
import type { Message } from './message.ts'
import type { Handler, Publisher } from './ports.ts'

/** A handler that fails. */
export const fails =
  (error: unknown): Handler =>
  async () => {
    throw error
  }

/** A publisher that keeps what it is given, or does as it is told, and a handler around which its dead letters go there. */
export const letterBox = (publish?: Publisher['publish']) => {
  const letters: Message[] = []
  const publisher: Publisher = {
    publish: async (topic, messages) => {
      await publish?.(topic, messages)
      letters.push(...messages)
    },
    close: async () => undefined,
  }
  const clock = drivenClock(1_000)
  const metrics = createMetrics({ service: 'test' })
  const wrap = (handler: Handler, options: Partial<DeadLetterOptions> = {}) =>
    deadLetter({ publisher, handler: 'store', clock, metrics, ...options })(handler)
  return { letters, publisher, clock, metrics, wrap }
}

import type { Clock } from '@armature/async/clock'
import type { Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { createPace } from './pace.ts'

export interface PublishOptions {
  readonly topic: string
  readonly messages: AsyncIterable<Message>
  /** Messages of one publish at most. A rate may make it fewer. */
  readonly batch: number
  /** Messages a second. Undefined: no limit. */
  readonly perSecond: number | undefined
  readonly clock: Clock
  /** Begins no further publish. */
  readonly signal: AbortSignal
  readonly onProgress?: (counts: PublishCounts) => void
}

export interface PublishCounts {
  /** Messages that the broker holds. */
  readonly sent: number
  /** Messages that it is not known to hold. */
  readonly failed: number
}

export interface Published extends PublishCounts {
  readonly elapsedMs: number
  /** The error of the first publish that failed. Nothing was begun after it. */
  readonly error: Error | undefined
}

/** Publishes whose confirmation is waited for at once. */
const maxPublishes = 8

/** Publishes the messages in order, several batches under way at once. Resolves when all of them are held or have failed. */
export const publishAll = async (publisher: Publisher, options: PublishOptions): Promise<Published> => {
  const { topic, messages, perSecond, clock, signal, onProgress } = options
  const pace = createPace(perSecond, clock)
  // At a low rate messages go out one by one, at a high one ten times a second.
  const size = Math.max(1, Math.min(options.batch, Math.floor((perSecond ?? Infinity) / 10)))
  const startedMs = clock.now()
  const underWay = new Set<Promise<void>>()
  let [sent, failed] = [0, 0]
  let error: Error | undefined

  const publish = async (batch: readonly Message[]) => {
    try {
      await publisher.publish(topic, batch)
      sent += batch.length
    } catch (fault) {
      failed += batch.length
      error ??= fault instanceof Error ? fault : new Error(String(fault))
    }
    onProgress?.({ sent, failed })
  }

  const begin = async (batch: readonly Message[]) => {
    await pace(batch.length, signal)
    if (signal.aborted || error !== undefined) return
    const publishing = publish(batch).then(() => void underWay.delete(publishing))
    underWay.add(publishing)
    if (underWay.size >= maxPublishes) await Promise.race(underWay)
  }

  let batch: Message[] = []
  for await (const message of messages) {
    if (signal.aborted || error !== undefined) break
    batch.push(message)
    if (batch.length < size) continue
    await begin(batch)
    batch = []
  }
  if (batch.length > 0) await begin(batch)
  await Promise.all(underWay)
  return { sent, failed, elapsedMs: clock.now() - startedMs, error }
}

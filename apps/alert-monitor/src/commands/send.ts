import { systemClock } from '@armature/async/clock'
import { message, type Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { publishAll } from '@armature/messaging-commands/publish'

export interface SendOptions {
  /** The topic. */
  readonly on: string
  /** Sent as UTF-8. */
  readonly body: string
  /** How often. Default 1. */
  readonly count?: number
  /** Begins no further publish. Default: never aborted. */
  readonly signal?: AbortSignal
}

/** Messages that are published in one call. */
const batchSize = 100

/**
 * Publishes the same body `count` times, each with an id of its own, in order. Resolves with how many the broker holds: fewer than `count`
 * where the signal was aborted. Rejects with PublishError; some may be out then.
 */
export const send = async (publisher: Publisher, options: SendOptions): Promise<number> => {
  const { on, body, count = 1, signal = new AbortController().signal } = options
  const messages = repeated(on, body, count)
  const limits = { batch: batchSize, perSecond: undefined, clock: systemClock(), signal }
  const { sent, error } = await publishAll(publisher, { topic: on, messages, ...limits })
  if (error !== undefined) throw error
  return sent
}

async function* repeated(on: string, body: string, count: number): AsyncGenerator<Message> {
  for (let n = 0; n < count; n += 1) yield message(on, body, { headers: { 'content-type': 'text/plain' } })
}

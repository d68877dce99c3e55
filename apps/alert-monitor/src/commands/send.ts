import { systemClock } from '@armature/async/clock'
import { message, type Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { publishAll } from '@armature/messaging-commands/publish'

export interface SendOptions {
  /** The topic. */
  readonly on: string
  /** Sent as UTF-8. */
  readonly body: string
  /** Sent with the body, beside its content type; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** How often. Default 1. */
  readonly count?: number
  /** Between two messages. Default: none. */
  readonly sleepMs?: number
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
  const { on, sleepMs = 0, signal = new AbortController().signal } = options
  const perSecond = sleepMs === 0 ? undefined : 1_000 / sleepMs
  const limits = { batch: sleepMs === 0 ? batchSize : 1, perSecond, clock: systemClock(), signal }
  const { sent, error } = await publishAll(publisher, { topic: on, messages: repeated(options), ...limits })
  if (error !== undefined) throw error
  return sent
}

async function* repeated({ on, body, headers, count = 1 }: SendOptions): AsyncGenerator<Message> {
  for (let n = 0; n < count; n += 1) yield message(on, body, { headers: { ...headers, 'content-type': 'text/plain' } })
}

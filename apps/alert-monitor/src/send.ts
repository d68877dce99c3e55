import { message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'

export interface SendOptions {
  /** The topic. */
  readonly on: string
  /** Sent as UTF-8. */
  readonly body: string
  /** How often. Default 1. */
  readonly count?: number
}

/** Messages that are published in one call. */
const batchSize = 100

/** Publishes the same body `count` times, each with an id of its own, in order. Rejects with PublishError; some may be out then. */
export const send = async (publisher: Publisher, { on, body, count = 1 }: SendOptions): Promise<void> => {
  for (let sent = 0; sent < count; sent += batchSize) {
    const length = Math.min(batchSize, count - sent)
    const headers = { 'content-type': 'text/plain' }
    await publisher.publish(
      on,
      Array.from({ length }, () => message(on, body, { headers })),
    )
  }
}

import type { PublishError } from '@armature/messaging/errors'

/** The messages of one call of `publish`. */
export interface Batch {
  readonly topic: string
  readonly deadlineMs: number
  readonly isFailed: boolean
  /** Resolves when every message is confirmed. Rejects with the first error. */
  readonly result: Promise<void>
  /** One more message is confirmed. */
  confirmOne(): void
  fail(error: PublishError): void
}

/** A batch of so many messages, none of them confirmed. */
export const publishBatch = (topic: string, count: number, deadlineMs: number): Batch => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // The caller may still wait for room when the batch fails.
  promise.catch(() => undefined)
  let unconfirmed = count
  let isFailed = false
  return {
    topic,
    deadlineMs,
    get isFailed() {
      return isFailed
    },
    result: promise,
    confirmOne: () => {
      unconfirmed--
      if (unconfirmed === 0) resolve()
    },
    fail: (error) => {
      isFailed = true
      reject(error)
    },
  }
}

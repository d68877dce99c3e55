import type { Message } from '@armature/messaging/message'
import type { StartPosition, Subscriber } from '@armature/messaging/ports'

export interface ListenOptions {
  /** The topic; may hold wildcards. */
  readonly on: string
  /** End after so many messages. Default: only when `signal` is aborted. */
  readonly count?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Where to begin. Default: with what comes from now on. */
  readonly from?: StartPosition | undefined
  /** Others are passed over, and do not count. Default: all fit. */
  readonly fits?: (message: Message) => boolean
  /** Takes a message; it is acknowledged when this resolves, and the next one comes then. */
  readonly write: (message: Message) => Promise<void> | void
  /** Called once messages can come. */
  readonly onListening?: () => void
}

/**
 * Hands the messages that come to `write`, one after the other. Resolves with their number after `count` of them or when
 * `signal` is aborted. Rejects with what `write` threw.
 */
export const listen = async (subscriber: Subscriber, options: ListenOptions): Promise<number> => {
  const { on, count = Infinity, from, fits = () => true, signal, write, onListening } = options
  const done = Promise.withResolvers<void>()
  let written = 0

  const subscription = await subscriber.subscribe(
    on,
    async (delivery) => {
      if (written >= count) throw new Error(`${count} messages were asked for`)
      if (!fits(delivery)) return
      try {
        await write(delivery)
      } catch (error) {
        done.reject(error)
        throw error
      }
      written += 1
      if (written >= count) done.resolve()
    },
    { maxInFlight: 1, ...(from !== undefined && { from }) },
  )
  const stop = () => done.resolve()
  signal?.addEventListener('abort', stop)
  if (signal?.aborted === true) stop()
  try {
    onListening?.()
    await done.promise
    await subscription.stop()
    await subscription.idle()
  } finally {
    signal?.removeEventListener('abort', stop)
    await subscription.close()
  }
  return written
}

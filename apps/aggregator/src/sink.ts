import type { Message } from '@armature/messaging/message'

/** One message on its way into the sink. */
export interface SinkItem {
  readonly message: Message
  readonly correlationKey: string
}

/** The outcome of one item. A duplicate is in the sink already, with the same body: it is as good as written. */
export type SinkOutcome =
  | 'written'
  | 'duplicate'
  /** The item itself cannot be stored, however often it is tried. `reason` is a short label. */
  | { readonly rejected: string; readonly problem: string }
  | SinkBusy

/** The sink did not take the item this time. It is written again, without the items of its batch that are stored. */
export interface SinkBusy {
  /** Why, in words. */
  readonly busy: string
  /** The sink asks not to be asked again for so long, in milliseconds. */
  readonly retryAfterMs?: number
  /** The item may be at fault: where it goes on failing while the sink passes its check, it counts as rejected. */
  readonly suspect?: true
}

/** The destination of batches. */
export interface Sink {
  /**
   * Resolves, once what it says is durable, to one outcome an item, in order. Recognises a repeat by the message's source and id.
   * Rejects when it cannot say so: what was written is then not known, and the same batch may be written again. Begins nothing
   * more once the signal is aborted. Rejects with RedeliverError where it is the sink's state for now, also if it takes others meanwhile.
   */
  write(batch: readonly SinkItem[], signal?: AbortSignal): Promise<readonly SinkOutcome[]>
  /** Resolves when an ordinary item could be written now, and leaves nothing behind. Rejects when the sink is out of order. */
  check(signal?: AbortSignal): Promise<void>
  /** Batches that may be handed over at once. Default 1. */
  readonly maxWritesAtOnce?: number
}

import type { Message } from '@armature/messaging/message'

/** One message on its way into the sink. */
export interface SinkItem {
  readonly message: Message
  readonly correlationKey: string
}

/** What became of one item. A duplicate is in the sink already: as good as written. */
export type SinkOutcome =
  | 'written'
  | 'duplicate'
  /** The item itself cannot be stored, however often it is tried. `reason` is a short label. */
  | { readonly rejected: string; readonly problem: string }

/** Where batches go. */
export interface Sink {
  /**
   * Resolves, once what it says is durable, to one outcome an item, in order. Recognises a repeat by the message's id.
   * Rejects when it is out of order: what was written is then not known, and the same batch may be written again.
   */
  write(batch: readonly SinkItem[]): Promise<readonly SinkOutcome[]>
}

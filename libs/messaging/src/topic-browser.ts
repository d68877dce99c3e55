import type { Message } from './message.ts'
import type { Position } from './position.ts'

/** A message that lies in its topic. */
export interface StoredMessage extends Message {
  /** When the broker stored it; the message's own time where the broker does not say. */
  readonly storedAt: Date
  readonly position?: Position | undefined
  /** The driver's own, by which `remove` finds it. */
  readonly handle: unknown
}

export interface BrowseOptions {
  /** Messages at most. */
  readonly max: number
  readonly signal?: AbortSignal
}

/**
 * Reads the contents of topics outside any group, for the tools of operators. Only drivers that keep messages have one. Rejects with
 * TopicError for an invalid topic, and with ConnectError if the broker is away for longer than `connectWaitMs`.
 */
export interface TopicBrowser {
  /** The topics that hold messages or may hold some, sorted. */
  topics(): Promise<readonly string[]>
  /**
   * The messages that the topic holds at the time of the call, the oldest first. Joins no group and moves nothing. Ends if there is no such
   * topic.
   */
  browse(topic: string, options: BrowseOptions): AsyncIterable<StoredMessage>
  /**
   * Removes these, which `browse` gave, and no others. Cut off in the middle it loses none of the others, though some may lie
   * there twice. One that is gone already is no error.
   */
  remove(topic: string, held: readonly StoredMessage[]): Promise<void>
}

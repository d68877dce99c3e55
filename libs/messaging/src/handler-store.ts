import type { InboxKey } from './inbox.ts'
import type { Message } from './message.ts'

/** A message about to be handled, for a store. */
export interface Handling extends InboxKey {
  readonly contents: string
}

/**
 * Where the effects of a handler are stored, together with the fact that its message was handled (the inbox) and the messages that it publishes
 * (the outbox): in one transaction `Tx`, so that all of it happens once, or nothing.
 */
export interface HandlerStore<Tx> {
  /**
   * Calls `work` in a transaction, which it commits when `work` resolves; rolls back and rejects with its error when it rejects. The messages that
   * `work` resolves with are published later, in order. `repeat`: the message was handled before, so `work` was not called; `reused`: the same for
   * a message of that key with other contents. Of several who ask at the same time one gets to work, and the others wait for it. Rejects
   * with RedeliverError while the store is away.
   */
  handle(
    handling: Handling,
    work: (within: Tx) => Promise<readonly Message[]>,
  ): Promise<'handled' | 'repeat' | 'reused'>
}

/** What was handled, by whom. */
export interface InboxKey {
  /** The handler: its consumer group. */
  readonly handler: string
  /** Recognises a repeat. */
  readonly key: string
}

/**
 * `claimed`: it is the caller's to handle. `busy`: somebody else's, who may fail yet. `handled`: it was handled, with these contents.
 */
export type Claim = { readonly state: 'claimed' | 'busy' } | { readonly state: 'handled'; readonly contents: string }

/** Remembers which messages were handled, for all processes of a handler. Each function rejects when the store is away. */
export interface Inbox {
  /**
   * Claims a message for `leaseMs`: one that was not handled, and that nobody else has claimed. Of several who ask at the same time one gets it. A
   * claim that is neither finished nor released ends with its lease, as when its process was killed.
   */
  claim(key: InboxKey, claim: { readonly contents: string; readonly leaseMs: number }): Promise<Claim>
  /** Remembers for `expiryMs` that the message was handled. */
  finish(key: InboxKey, handled: { readonly contents: string; readonly expiryMs: number }): Promise<void>
  /** Gives a claim back, so that the message may be handled again. One that was handled stays so. */
  release(key: InboxKey): Promise<void>
}

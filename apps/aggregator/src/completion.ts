import type { Due, OpenBatch } from '@armature/messaging/batches'
import type { Message } from '@armature/messaging/message'

/**
 * When a group is complete: at whichever comes first. The completion conditions of the Aggregator pattern
 * (https://www.enterpriseintegrationpatterns.com/patterns/messaging/Aggregator.html).
 */
export interface CompletionPolicy {
  /** Messages. */
  readonly count?: number
  /** Bytes of body. */
  readonly bytes?: number
  /** Since the first message. */
  readonly periodMs?: number
  /** Since the last message. */
  readonly inactivityMs?: number
  readonly predicate?: (messages: readonly Message[]) => boolean
  /** Whether this message is the last of its group. */
  readonly special?: (message: Message) => boolean
}

/** The reason why a group was completed. `flush` = at the end; `limit` = there was no room for more groups. */
export type Mechanism = 'special' | 'predicate' | 'count' | 'size' | 'period' | 'inactivity' | 'limit' | 'flush'

/** Whether the group's newest message completed it, and by what; undefined while it stays open. */
export const completedBy = (
  policy: CompletionPolicy,
  { messages, bytes }: { readonly messages: readonly Message[]; readonly bytes: number },
): Mechanism | undefined => {
  const newest = messages.at(-1)
  if (newest === undefined) return undefined
  if (policy.special?.(newest) === true) return 'special'
  if (policy.predicate?.(messages) === true) return 'predicate'
  if (policy.count !== undefined && messages.length >= policy.count) return 'count'
  if (policy.bytes !== undefined && bytes >= policy.bytes) return 'size'
  return undefined
}

/** When the group completes if no other message comes, and by what; undefined = never. */
export const dueAt = (
  { periodMs = Infinity, inactivityMs = Infinity }: CompletionPolicy,
  { firstMs, lastMs }: Pick<OpenBatch, 'firstMs' | 'lastMs'>,
): Due<Mechanism> | undefined => {
  const periodAtMs = firstMs + periodMs
  const inactiveAtMs = lastMs + inactivityMs
  if (periodAtMs === Infinity && inactiveAtMs === Infinity) return undefined
  return inactiveAtMs < periodAtMs
    ? { atMs: inactiveAtMs, reason: 'inactivity' }
    : { atMs: periodAtMs, reason: 'period' }
}

/** A predicate: the group has as many different messages as the header of one of them says there are parts. */
export const allPartsArrived =
  (header: string) =>
  (messages: readonly Message[]): boolean => {
    const parts = Number(messages.find(({ headers }) => headers[header] !== undefined)?.headers[header])
    return Number.isInteger(parts) && parts > 0 && new Set(messages.map(({ id }) => id)).size >= parts
  }

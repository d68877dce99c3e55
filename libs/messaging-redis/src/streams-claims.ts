import { binaryReplies, type RedisClient } from './commands.ts'
import type { Entry } from './streams-codec.ts'

/** The answer of XPENDING for an entry that was delivered to a consumer and is not acknowledged. */
export interface PendingInfo {
  readonly id: string
  readonly consumer: string
  /** Since it was delivered or claimed. */
  readonly idleMs: number
  /** How often it was delivered. */
  readonly deliveries: number
}

/** A consumer of a group on one stream. */
export interface StreamConsumer {
  readonly key: string
  readonly group: string
  readonly consumer: string
}

type PendingReply = readonly (readonly [id: string, consumer: string, idleMs: number, deliveries: number])[]

const pendingOf = async (client: RedisClient, command: readonly string[]): Promise<PendingInfo[]> => {
  const reply = await client.sendCommand<PendingReply>([...command])
  return reply.map(([id, consumer, idleMs, deliveries]) => ({ id, consumer, idleMs, deliveries }))
}

/** Entries of any consumer that have been idle for `idleMs`, the oldest first, `max` at most. */
export const idleEntries = (client: RedisClient, { key, group }: StreamConsumer, idleMs: number, max: number) =>
  pendingOf(client, ['XPENDING', key, group, 'IDLE', String(idleMs), '-', '+', String(max)])

/** The same where the order counts: none while any other consumer has an entry that is not idle. */
export const idleEntriesInOrder = async (client: RedisClient, of: StreamConsumer, idleMs: number, max: number) => {
  const all = await pendingOf(client, ['XPENDING', of.key, of.group, '-', '+', String(maxPendingEntries)])
  const others = all.filter(({ consumer }) => consumer !== of.consumer)
  return others.every((each) => each.idleMs >= idleMs) ? others.slice(0, max) : []
}

/** A group has no more, by the bounds of its consumers. */
const maxPendingEntries = 100_000

/** The entries that are pending for this consumer. */
export const ownEntries = (client: RedisClient, { key, group, consumer }: StreamConsumer) =>
  pendingOf(client, ['XPENDING', key, group, '-', '+', String(maxPendingEntries), consumer])

/** An entry that was claimed, and the number of its deliveries, this one included. */
export type ClaimedEntry = readonly [entry: Entry, attempt: number]

export interface ClaimOptions {
  /** An entry that is idle for less is not claimed: another consumer was faster. */
  readonly idleMs: number
  /** Whether the claim counts as a delivery. */
  readonly isDelivery: boolean
}

/** Claims the entries (XCLAIM). Answers those that this consumer got, in the order of the stream. */
export const claim = async (
  client: RedisClient,
  { key, group, consumer }: StreamConsumer,
  pending: readonly PendingInfo[],
  { idleMs, isDelivery }: ClaimOptions,
): Promise<ClaimedEntry[]> => {
  const idsByDeliveries = new Map<number, string[]>()
  for (const { id, deliveries } of pending) {
    idsByDeliveries.set(deliveries, [...(idsByDeliveries.get(deliveries) ?? []), id])
  }
  const claims = [...idsByDeliveries].map(async ([deliveries, ids]): Promise<ClaimedEntry[]> => {
    const attempt = Math.max(1, isDelivery ? deliveries + 1 : deliveries)
    const command = ['XCLAIM', key, group, consumer, String(idleMs), ...ids, 'RETRYCOUNT', String(attempt)]
    const entries = await client.sendCommand<readonly (Entry | null)[]>(command, binaryReplies)
    // An entry that was deleted from the stream is null in the answer.
    return entries.flatMap((entry) => (entry === null ? [] : [[entry, attempt] as const]))
  })
  const claimed = (await Promise.all(claims)).flat()
  const order = new Map(pending.map(({ id }, at) => [id, at]))
  const orderOf = ([[id]]: ClaimedEntry) => order.get(id.toString()) ?? 0
  return claimed.sort((one, other) => orderOf(one) - orderOf(other))
}

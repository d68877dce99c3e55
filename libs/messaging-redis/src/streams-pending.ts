import { binaryReplies, type RedisClient } from './connection.ts'
import type { Entry } from './streams-codec.ts'

/** A message that the server delivered to a member of the group and that is not acknowledged. */
export interface Pending {
  readonly id: string
  readonly consumer: string
  /** Since it was delivered or renewed. */
  readonly idleMs: number
  /** How often it was delivered. */
  readonly count: number
}

/** A member of a group on one stream. */
export interface Place {
  readonly key: string
  readonly group: string
  readonly consumer: string
}

type PendingReply = readonly (readonly [id: string, consumer: string, idleMs: number, count: number])[]

const pendingOf = async (client: RedisClient, command: readonly string[]): Promise<Pending[]> => {
  const reply = await client.sendCommand<PendingReply>([...command])
  return reply.map(([id, consumer, idleMs, count]) => ({ id, consumer, idleMs, count }))
}

/** What any member has had for `idleMs` without a sign of life, the oldest first, `most` at most. */
export const idlePending = (client: RedisClient, { key, group }: Place, idleMs: number, most: number) =>
  pendingOf(client, ['XPENDING', key, group, 'IDLE', String(idleMs), '-', '+', String(most)])

/** The same where the order counts: nothing, as long as any other member has something that is not idle. */
export const idleInOrder = async (client: RedisClient, place: Place, idleMs: number, most: number) => {
  const all = await pendingOf(client, ['XPENDING', place.key, place.group, '-', '+', String(mostPending)])
  const others = all.filter(({ consumer }) => consumer !== place.consumer)
  return others.every((each) => each.idleMs >= idleMs) ? others.slice(0, most) : []
}

/** A group has no more, by the bounds of its members. */
const mostPending = 100_000

/** What this member has by the server's word. */
export const ownPending = (client: RedisClient, { key, group, consumer }: Place) =>
  pendingOf(client, ['XPENDING', key, group, '-', '+', String(mostPending), consumer])

/** A message that was claimed, with the count of its deliveries, this one included. */
export type Claimed = readonly [entry: Entry, attempt: number]

/**
 * Takes these over, unless somebody else did meanwhile (their idle time is below `idleMs` then), in the order of the stream. `isNew` adds one
 * to the count of deliveries.
 */
export const claim = async (
  client: RedisClient,
  { key, group, consumer }: Place,
  idleMs: number,
  pending: readonly Pending[],
  isNew: boolean,
): Promise<Claimed[]> => {
  const byCount = new Map<number, string[]>()
  for (const { id, count } of pending) byCount.set(count, [...(byCount.get(count) ?? []), id])
  const order = new Map(pending.map(({ id }, at) => [id, at]))
  const claims = [...byCount].map(async ([count, ids]): Promise<Claimed[]> => {
    const attempt = Math.max(1, isNew ? count + 1 : count)
    const command = ['XCLAIM', key, group, consumer, String(idleMs), ...ids, 'RETRYCOUNT', String(attempt)]
    const entries = await client.sendCommand<readonly (Entry | null)[]>(command, binaryReplies)
    // What was deleted from the stream is no entry any more.
    return entries.flatMap((entry) => (entry === null ? [] : [[entry, attempt] as const]))
  })
  const claimed = (await Promise.all(claims)).flat()
  const place = ([[id]]: Claimed) => order.get(id.toString()) ?? 0
  return claimed.sort((one, other) => place(one) - place(other))
}

import type { Queryable } from '@armature/database/database'
import type { Message } from '@armature/messaging/message'

/** A message that waits to be published. */
export interface OutboxRow {
  readonly seq: number
  readonly message: Message
}

interface Stored {
  readonly seq: number
  readonly topic: string
  readonly message: string
  readonly body: Uint8Array | null
}

/** All of a message but its topic and its body. */
interface Head {
  readonly id: string
  readonly key?: string | undefined
  readonly keyBytes?: string | undefined
  readonly timeMs: number
  readonly headers: Readonly<Record<string, string>>
}

const insert = 'insert into messaging_outbox (topic, message, body) values ($1, $2, $3)'

/** Stores the messages, in order. JSON writes as an escape what a text of PostgreSQL cannot hold. */
export const storeMessages = async (within: Queryable, messages: readonly Message[]): Promise<void> => {
  for (const { id, topic, key, keyBytes, time, headers, body, tombstone } of messages) {
    const head: Head = {
      id,
      key,
      keyBytes: keyBytes && Buffer.from(keyBytes).toString('base64'),
      timeMs: time.getTime(),
      headers,
    }
    await within.query(insert, [topic, JSON.stringify(head), tombstone === true ? null : body], {
      name: 'outbox-store',
    })
  }
}

/** Whole messages up to so many bytes, and one at least. */
const select = `
  select seq, topic, message, body from (
    select *, sum(coalesce(length(body), 0)) over (order by seq) as bytes_to_here
    from (
      select * from messaging_outbox where refused is null and topic <> all($3::text[]) order by seq limit $1
    ) as first
  ) as summed
  where bytes_to_here - coalesce(length(body), 0) < $2
  order by seq`

export interface Batch {
  readonly maxMessages: number
  readonly maxBytes: number
  /** Topics to leave out. */
  readonly without: readonly string[]
}

/** The messages that wait longest, in order. */
export const waitingMessages = async (
  within: Queryable,
  { maxMessages, maxBytes, without }: Batch,
): Promise<readonly OutboxRow[]> => {
  const { rows } = await within.query<Stored>(select, [maxMessages, maxBytes, without], { name: 'outbox-waiting' })
  return rows.map(({ seq, topic, message, body }) => ({ seq, message: messageOf(topic, message, body) }))
}

const messageOf = (topic: string, text: string, body: Uint8Array | null): Message => {
  const { id, key, keyBytes, timeMs, headers } = JSON.parse(text) as Head
  return {
    id,
    topic,
    key,
    ...(keyBytes === undefined ? {} : { keyBytes: Buffer.from(keyBytes, 'base64') }),
    time: new Date(timeMs),
    headers,
    body: body ?? new Uint8Array(),
    ...(body === null ? { tombstone: true } : {}),
  }
}

/** Removes what was published. */
export const removeMessages = async (within: Queryable, seqs: readonly number[]): Promise<void> => {
  if (seqs.length > 0) await within.query('delete from messaging_outbox where seq = any($1::bigint[])', [seqs])
}

/** Sets a message aside that the broker will never take. */
export const refuseMessage = async (within: Queryable, seq: number, problem: string): Promise<void> => {
  await within.query('update messaging_outbox set refused = $2 where seq = $1', [seq, problem.replaceAll('\0', '')])
}
